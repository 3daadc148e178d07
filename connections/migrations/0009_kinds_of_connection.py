"""A connection reaches calendars or a directory: one table, told apart by its kind."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("connections", "0008_last_changes"),
        ("orgunits", "0007_confirmation_retries"),
    ]

    operations = [
        migrations.RenameModel("CalendarConnection", "Connection"),
        migrations.CreateModel(
            name="CalendarConnection",
            fields=[],
            options={"proxy": True, "indexes": [], "constraints": []},
            bases=("connections.connection",),
        ),
        migrations.AddField(
            model_name="connection",
            name="kind",
            field=models.CharField(
                choices=[("calendar", "Calendar"), ("directory", "Directory")],
                default="calendar",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="connection", name="extras", field=models.JSONField(blank=True, default=list)
        ),
        migrations.AlterField(
            model_name="connection",
            name="mode",
            field=models.CharField(
                blank=True,
                choices=[
                    ("read_write", "Read Write"),
                    ("free_busy", "Free/Busy"),
                    ("no_access", "No Access"),
                ],
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="connection",
            name="unit",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="connections",
                to="orgunits.organizationalunit",
            ),
        ),
        migrations.AddConstraint(
            model_name="connection",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind", "calendar"), ("mode", ""), _connector="XOR"),
                name="calendars_alone_have_an_access_mode",
            ),
        ),
    ]
