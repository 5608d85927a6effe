"""Opens and clicks that we see ourselves are receipts, too; of each it is said whether a machine made it."""

from django.db import migrations

CHANGE = """
ALTER TABLE receipt ADD machine boolean NOT NULL DEFAULT false;
CREATE INDEX receipt_clicks ON receipt (delivery_id, at) WHERE account_id = 0 AND kind = 'clicked';
"""
BACK = "DROP INDEX receipt_clicks; ALTER TABLE receipt DROP machine"


class Migration(migrations.Migration):
    dependencies = [("receipts", "0001_receipt")]
    operations = [migrations.RunSQL(CHANGE, BACK)]
