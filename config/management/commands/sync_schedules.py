from django.core.management.base import BaseCommand

from config.schedules import TIMETABLE, sync_schedules


class Command(BaseCommand):
    help = "Writes the portal's timetable to the job queue."

    def handle(self, **options) -> None:
        sync_schedules()
        self.stdout.write(f"{len(TIMETABLE)} entries on the timetable.")
