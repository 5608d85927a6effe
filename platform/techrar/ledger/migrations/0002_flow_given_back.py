"""How many deliveries of a flow left the broker unclaimed, since ever."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_ledger")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE flow ADD COLUMN given_back bigint NOT NULL DEFAULT 0",
            "ALTER TABLE flow DROP COLUMN given_back",
        )
    ]
