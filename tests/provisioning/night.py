"""What the timetable and a worker do in a night with directories."""

from django.utils import timezone

from connections import directories
from connections.models import Connection
from provisioning import jobs
from tests.worker import run_waiting_jobs


def read(*connections: Connection) -> None:
    """Each directory is read whole, by as many jobs as it takes."""
    for row in Connection.objects.filter(pk__in=[one.pk for one in connections]):
        directories.read_now(row, by=row.created_by, now=timezone.now())
        run_waiting_jobs()
        reading = row.directory_readings.order_by("-pk").first()
        assert reading.state == "complete", (str(row), reading.state, reading.problem)


def night(*connections: Connection) -> None:
    """They are read, and then followed."""
    read(*connections)
    jobs.follow_directories()
    run_waiting_jobs()
