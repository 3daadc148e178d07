from django.core.management.base import BaseCommand

from orgunits import first_run


class Command(BaseCommand):
    help = "Prints the one-time link for the first staff person, while the installation is empty."

    def handle(self, **options) -> None:
        if first_run.empty():
            self.stdout.write(
                f"Nobody is here yet. The first staff person opens this link:\n{first_run.link()}"
            )
