"""What a directory said when it was last read: people, groups and rooms, and how each reading went."""


import django.db.models.deletion
import django.utils.timezone
import orgunits.public_ids
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('connections', '0009_kinds_of_connection'),
        ('orgunits', '0007_confirmation_retries'),
    ]

    operations = [
        migrations.CreateModel(
            name='DirectoryConnection',
            fields=[
            ],
            options={
                'proxy': True,
                'indexes': [],
                'constraints': [],
            },
            bases=('connections.connection',),
        ),
        migrations.CreateModel(
            name='DirectoryPerson',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=orgunits.public_ids.NewPublicId('per'), editable=False, max_length=40, unique=True)),
                ('external_id', models.CharField(max_length=255)),
                ('kind', models.CharField(choices=[('person', 'Person'), ('shared', 'Shared mailbox'), ('room', 'Room'), ('guest', 'Guest')], default='person', max_length=10)),
                ('address', models.CharField(blank=True, max_length=254)),
                ('aliases', models.JSONField(blank=True, default=list)),
                ('given_name', models.CharField(blank=True, max_length=254)),
                ('family_name', models.CharField(blank=True, max_length=254)),
                ('sort_key', models.CharField(max_length=200)),
                ('department', models.CharField(blank=True, max_length=254)),
                ('path', models.CharField(blank=True, max_length=254)),
                ('employee_id', models.CharField(blank=True, max_length=254)),
                ('time_zone', models.CharField(blank=True, max_length=64)),
                ('attributes', models.JSONField(blank=True, default=dict)),
                ('enabled', models.BooleanField(default=True)),
                ('digest', models.CharField(max_length=32)),
                ('first_seen_at', models.DateTimeField()),
                ('changed_at', models.DateTimeField()),
                ('absences', models.PositiveSmallIntegerField(default=0)),
                ('absent_since', models.DateTimeField(blank=True, null=True)),
                ('deleted_at', models.DateTimeField(blank=True, null=True)),
                ('connection', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='directory_people', to='connections.connection')),
                ('member', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='directory_people', to='orgunits.member')),
                ('unit', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='directory_people', to='orgunits.organizationalunit')),
            ],
            options={
                'verbose_name_plural': 'directory people',
            },
        ),
        migrations.CreateModel(
            name='DirectoryGroup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=orgunits.public_ids.NewPublicId('dgr'), editable=False, max_length=40, unique=True)),
                ('external_id', models.CharField(max_length=255)),
                ('name', models.CharField(blank=True, max_length=254)),
                ('address', models.CharField(blank=True, max_length=254)),
                ('sort_key', models.CharField(max_length=200)),
                ('everybody', models.BooleanField(default=False)),
                ('hidden', models.BooleanField(default=False)),
                ('children_told', models.JSONField(blank=True, default=list)),
                ('absent_since', models.DateTimeField(blank=True, null=True)),
                ('children', models.ManyToManyField(related_name='parents', to='connections.directorygroup')),
                ('connection', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='directory_groups', to='connections.connection')),
                ('unit', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='directory_groups', to='orgunits.organizationalunit')),
                ('members', models.ManyToManyField(related_name='groups', to='connections.directoryperson')),
            ],
        ),
        migrations.CreateModel(
            name='DirectoryAddress',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address', models.CharField(max_length=254)),
                ('until', models.DateTimeField()),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='earlier_addresses', to='connections.directoryperson')),
            ],
        ),
        migrations.CreateModel(
            name='DirectoryReading',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=orgunits.public_ids.NewPublicId('rdg'), editable=False, max_length=40, unique=True)),
                ('state', models.CharField(choices=[('running', 'Running'), ('complete', 'Complete'), ('incomplete', 'Incomplete')], default='running', max_length=10)),
                ('problem', models.CharField(blank=True, max_length=60)),
                ('problem_code', models.CharField(blank=True, max_length=100)),
                ('whole', models.BooleanField(default=True)),
                ('asked', models.CharField(blank=True, max_length=64)),
                ('started_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('leased_until', models.DateTimeField(blank=True, null=True)),
                ('place', models.JSONField(blank=True, default=dict)),
                ('seen', models.BinaryField(blank=True, default=bytes)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('people', models.PositiveIntegerField(default=0)),
                ('added', models.PositiveIntegerField(default=0)),
                ('changed', models.PositiveIntegerField(default=0)),
                ('absent', models.PositiveIntegerField(default=0)),
                ('groups', models.PositiveIntegerField(default=0)),
                ('rooms', models.PositiveIntegerField(default=0)),
                ('connection', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='directory_readings', to='connections.connection')),
                ('unit', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='directory_readings', to='orgunits.organizationalunit')),
            ],
        ),
        migrations.CreateModel(
            name='DirectoryRoom',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=orgunits.public_ids.NewPublicId('room'), editable=False, max_length=40, unique=True)),
                ('external_id', models.CharField(max_length=255)),
                ('address', models.CharField(max_length=254)),
                ('name', models.CharField(blank=True, max_length=254)),
                ('sort_key', models.CharField(max_length=200)),
                ('capacity', models.PositiveIntegerField(blank=True, null=True)),
                ('building', models.CharField(blank=True, max_length=254)),
                ('floor', models.CharField(blank=True, max_length=100)),
                ('absent_since', models.DateTimeField(blank=True, null=True)),
                ('connection', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='directory_rooms', to='connections.connection')),
                ('unit', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='directory_rooms', to='orgunits.organizationalunit')),
            ],
        ),
        migrations.AddIndex(
            model_name='directoryperson',
            index=models.Index(fields=['connection', 'sort_key', 'id'], name='directory_people_by_name'),
        ),
        migrations.AddIndex(
            model_name='directoryperson',
            index=models.Index(fields=['unit', 'address'], name='directory_people_by_address'),
        ),
        migrations.AddConstraint(
            model_name='directoryperson',
            constraint=models.UniqueConstraint(fields=('connection', 'external_id'), name='one_row_per_directory_person'),
        ),
        migrations.AddIndex(
            model_name='directorygroup',
            index=models.Index(fields=['connection', 'sort_key', 'id'], name='directory_groups_by_name'),
        ),
        migrations.AddConstraint(
            model_name='directorygroup',
            constraint=models.UniqueConstraint(fields=('connection', 'external_id'), name='one_row_per_directory_group'),
        ),
        migrations.AddConstraint(
            model_name='directoryaddress',
            constraint=models.UniqueConstraint(fields=('person', 'address'), name='an_earlier_address_once'),
        ),
        migrations.AddIndex(
            model_name='directoryreading',
            index=models.Index(fields=['connection', '-started_at'], name='readings_by_connection'),
        ),
        migrations.AddConstraint(
            model_name='directoryreading',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'running')), fields=('connection',), name='one_reading_at_a_time'),
        ),
        migrations.AddIndex(
            model_name='directoryroom',
            index=models.Index(fields=['connection', 'sort_key', 'id'], name='directory_rooms_by_name'),
        ),
        migrations.AddConstraint(
            model_name='directoryroom',
            constraint=models.UniqueConstraint(fields=('connection', 'external_id'), name='one_row_per_directory_room'),
        ),
    ]
