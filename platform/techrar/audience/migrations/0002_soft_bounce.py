"""Which messages bounced for now, since the last one that arrived: enough of them in a row end the matter."""

from django.db import migrations

TABLE = """
CREATE TABLE soft_bounce (
  merchant_id integer NOT NULL,
  mode smallint NOT NULL,
  channel text NOT NULL,
  address text NOT NULL,
  delivery_id uuid NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (merchant_id, mode, channel, address, delivery_id)
);
"""


class Migration(migrations.Migration):
    dependencies = [("audience", "0001_audience")]
    operations = [migrations.RunSQL(TABLE, "DROP TABLE soft_bounce")]
