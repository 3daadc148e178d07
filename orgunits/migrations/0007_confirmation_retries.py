from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orgunits", "0006_sheet_finished_at")]

    operations = [
        migrations.AddField("identityconfirmation", "attempts", models.PositiveSmallIntegerField(default=0)),
        migrations.AddField(
            "identityconfirmation", "next_try_at", models.DateTimeField(blank=True, null=True)
        ),
    ]
