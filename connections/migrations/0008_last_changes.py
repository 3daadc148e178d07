"""How many spans the last reading of a mailbox found otherwise: what "Sync now" answers."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("connections", "0007_leases")]

    operations = [
        migrations.AddField(
            model_name="mailbox", name="last_changes", field=models.PositiveIntegerField(default=0)
        ),
    ]
