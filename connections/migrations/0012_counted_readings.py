"""Whether a reading counts who was not told. Of those before nobody noted it: complete ones did."""

from django.db import migrations, models


def complete_ones_counted(apps, schema_editor):
    readings = apps.get_model("connections", "DirectoryReading").objects
    readings.filter(state="complete", people__gt=0).update(counted=True)


class Migration(migrations.Migration):

    dependencies = [
        ("connections", "0011_a_member_is_one_person"),
    ]

    operations = [
        migrations.AddField(
            model_name="directoryreading",
            name="counted",
            field=models.BooleanField(default=False),
        ),
        migrations.RunPython(complete_ones_counted, migrations.RunPython.noop),
    ]
