"""What vendors told us, as it came; `try_at` is set until it has found its delivery."""

from django.db import migrations

TABLES = """
CREATE TABLE receipt (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_id bigint NOT NULL,
  merchant_id integer NOT NULL,
  mode smallint NOT NULL,
  event_id text NOT NULL,
  kind text NOT NULL,
  at timestamptz NOT NULL,
  delivery_id uuid,
  vendor_id text NOT NULL DEFAULT '',
  reason text NOT NULL DEFAULT '',
  permanent boolean NOT NULL DEFAULT false,
  raw jsonb NOT NULL,
  received_at timestamptz NOT NULL DEFAULT now(),
  tries smallint NOT NULL DEFAULT 0,
  try_at timestamptz DEFAULT now(),
  UNIQUE (account_id, event_id)
);
CREATE INDEX receipt_try ON receipt (try_at) WHERE try_at IS NOT NULL;
CREATE INDEX receipt_received ON receipt (received_at);
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = [("ledger", "0001_ledger")]
    operations = [migrations.RunSQL(TABLES, "DROP TABLE receipt")]
