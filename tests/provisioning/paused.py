"""A run that the guard holds, as the portal makes it: ten people came by a rule, and half of them are gone."""

from datetime import timedelta

from django.utils import timezone

from connections.models import Connection, DirectoryPerson
from provisioning.models import ProvisioningRun
from tests.people import Company
from tests.provisioning.running import directory_of, everybody_rule, fresh, looked, tell, was_read

PEOPLE = [f"person{n:02}@kube.example" for n in range(10)]
GONE = PEOPLE[:5]


def followed(company: Company) -> Connection:
    """A directory whose ten people are members by its rule."""
    connection = directory_of(company)
    tell(connection, *PEOPLE)
    everybody_rule(connection, company.olga)
    was_read(connection, at=timezone.now() - timedelta(hours=12))
    assert looked(connection).state == "succeeded"
    return connection


def miss(connection: Connection, addresses: list[str], *, twice: bool = True) -> None:
    """As if two whole readings had not told of these people."""
    now = timezone.now()
    DirectoryPerson.objects.filter(connection=connection, address__in=addresses).update(
        absences=2 if twice else 1, absent_since=now - timedelta(hours=8), changed_at=now
    )
    was_read(connection, at=now)


def paused_run(company: Company) -> ProvisioningRun:
    """The run that waits for somebody."""
    connection = followed(company)
    miss(connection, GONE)
    run = looked(connection)
    assert run.state == "paused_by_guard"
    return fresh(run)
