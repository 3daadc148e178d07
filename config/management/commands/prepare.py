"""What has to happen between an installation or upgrade and its start; run again, it changes nothing."""

import hashlib
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from orgunits import roles
from orgunits.models import OrganizationalUnit, User
from provisioning.sample import SUPPORT_ADDRESS


class Command(BaseCommand):
    help = "Brings tables, static files and timetable up to date; in a sample installation, the sample too."

    def handle(self, **options) -> None:
        call_command("migrate", verbosity=0)
        if not settings.SAMPLE_INSTALLATION and User.objects.filter(email=SUPPORT_ADDRESS).exists():
            raise CommandError(
                "This database holds the sample installation, whose passwords are published. "
                "A real installation needs a database of its own: set DATABASE_URL, or move var/ away."
            )
        call_command("createcachetable", verbosity=0)
        for unit in OrganizationalUnit.objects.all():
            roles.sync_unit_groups(unit)  # an upgrade may have changed what a role holds
        self.collect_static_files()
        if settings.SAMPLE_INSTALLATION:
            call_command("sample_installation")
        call_command("sync_schedules")
        call_command("first_run")  # prints its link while nobody is here

    def collect_static_files(self) -> None:
        """Collect them if one changed: hashing and compressing all of them takes seconds."""
        stamp = Path(settings.STATIC_ROOT).with_suffix(".digest")
        digest = digest_of_static_files()
        if not stamp.exists() or stamp.read_text() != digest:
            call_command("collectstatic", interactive=False, verbosity=0)
            stamp.write_text(digest)


def digest_of_static_files() -> str:
    """Changes when a static file, or the way they are stored, changes."""
    digest = hashlib.sha256(repr(settings.STORAGES["staticfiles"]).encode())
    for finder in get_finders():
        for name, storage in finder.list([]):
            digest.update(name.encode())
            with storage.open(name) as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
