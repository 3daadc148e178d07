from django.core.management.base import BaseCommand

from connections.rotation import rotate_keys


class Command(BaseCommand):
    help = "Seals every secret anew with the first key of ENCRYPTION_KEYS. Then the older keys can go."

    def handle(self, **options) -> None:
        self.stdout.write(f"{rotate_keys()} secrets sealed with the newest key.")
