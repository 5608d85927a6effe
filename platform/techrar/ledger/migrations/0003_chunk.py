"""What a run plans to write, piece by piece: the promise that its rows are counted against."""

from django.db import migrations

TABLE = """
CREATE TABLE chunk (
  run_id bigint NOT NULL,
  number integer NOT NULL,
  first_id bigint NOT NULL,
  last_id bigint NOT NULL,
  planned bigint NOT NULL DEFAULT 0,
  done_at timestamptz,
  PRIMARY KEY (run_id, number)
) WITH (fillfactor = 50);
-- By number first: each run's beginning comes before any run's end.
CREATE INDEX chunk_open ON chunk (number, run_id) WHERE done_at IS NULL;
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_flow_given_back")]
    operations = [migrations.RunSQL(TABLE, "DROP TABLE chunk")]
