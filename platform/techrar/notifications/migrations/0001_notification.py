"""What merchants asked for, beside the ledger's rows and with the same partition bounds."""

from datetime import UTC, datetime

from django.db import migrations

TABLES = """
CREATE TABLE notification (
  id uuid PRIMARY KEY,
  template_version_id uuid,
  resend_of uuid,
  scheduled_at timestamptz,
  recipient_id bigint NOT NULL DEFAULT 0,
  merchant_id integer NOT NULL,
  mode smallint NOT NULL,
  priority smallint NOT NULL,
  category text NOT NULL,
  locale text NOT NULL DEFAULT '',
  recipient text NOT NULL DEFAULT '',
  request jsonb NOT NULL
) PARTITION BY RANGE (id);
CREATE INDEX notification_merchant ON notification (merchant_id, mode, id);
CREATE INDEX notification_recipient ON notification (merchant_id, mode, recipient, id) WHERE recipient <> '';
"""


def first_partitions(apps, schema_editor):
    from techrar.ledger.partitions import make_ahead

    schema_editor.connection.ensure_connection()
    make_ahead(schema_editor.connection.connection, now=datetime.now(UTC))


class Migration(migrations.Migration):
    initial = True
    dependencies = [("ledger", "0001_ledger")]
    operations = [
        migrations.RunSQL(TABLES, "DROP TABLE notification"),
        migrations.RunPython(first_partitions, migrations.RunPython.noop),
    ]
