"""Where a directory goes on telling what changed since the last reading."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("connections", "0012_counted_readings"),
    ]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="changes_cursor",
            field=models.TextField(blank=True, default=""),
            preserve_default=False,
        ),
    ]
