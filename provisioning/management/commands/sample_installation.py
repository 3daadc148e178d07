from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from provisioning import sample


class Command(BaseCommand):
    help = "Builds the sample installation in an empty portal, and prints whom to sign in as."

    def handle(self, **options) -> None:
        if not settings.SAMPLE_INSTALLATION:
            raise CommandError(
                "SAMPLE_INSTALLATION is not set: this is for trying the portal, not for real use."
            )
        sample.build(now=timezone.now())
        self.stdout.write(f"\nSign in at {settings.PORTAL_URL} with the password {sample.PASSWORD} as")
        for person in sample.sign_ins():
            self.stdout.write(f"  {person.email:<36} {person.unit}: {person.role}")
