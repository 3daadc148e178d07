"""One Microsoft tenant in two units of one company: each connects it for itself, and what one does stays there."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections import calendar_connections, health
from connections.models import BusyPeriod, CalendarConnection, Mailbox
from connections.states import State
from orgunits.models import OrganizationalUnit, User
from provisioning import sample_lumen
from tests.connecting import consent, sign_in
from tests.connections.reading import read_now
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db
TENANT = "5165e0a1-0000-4000-8000-000000000003"


def connect(unit: OrganizationalUnit, mode: str, *, by: User) -> CalendarConnection:
    """The tenant's administrator signs in and agrees, for this unit."""
    row = calendar_connections.create_connection(unit, "microsoft", mode, by=by, now=timezone.now())
    sign_in(row, sample_lumen.ADMINISTRATOR.email, by=by)
    row.refresh_from_db()
    consent(row, sample_lumen.ADMINISTRATOR.email, by=by)
    row.refresh_from_db()
    verdict = health.check_connection(row, by=by, now=timezone.now())
    assert verdict.works, verdict
    row.refresh_from_db()
    return row


@pytest.fixture
def company(providers) -> tuple[CalendarConnection, CalendarConnection]:
    """Sales in Read Write and Support in Free/Busy, both read once."""
    sample_lumen.build(now=timezone.now())
    ines = User.objects.get(email=sample_lumen.ADMINISTRATOR.email)
    rania = User.objects.get(email=sample_lumen.SUPPORT_PEOPLE[0].email)
    sales = connect(OrganizationalUnit.objects.get(name=sample_lumen.SALES), "read_write", by=ines)
    support = connect(OrganizationalUnit.objects.get(name=sample_lumen.SUPPORT), "free_busy", by=rania)
    run_waiting_jobs()
    return sales, support


def signed_in(person) -> Client:
    client = Client()
    client.force_login(User.objects.get(email=person.email))
    return client


def states(connection: CalendarConnection) -> set[str]:
    return set(Mailbox.objects.filter(unit=connection.unit).values_list("state", flat=True))


def busy(connection: CalendarConnection) -> int:
    return BusyPeriod.objects.filter(member__unit=connection.unit).count()


def test_both_units_read_their_own_people_from_the_one_tenant(company):
    sales, support = company

    assert sales.tenant == support.tenant == TENANT
    assert states(sales) == states(support) == {Mailbox.State.SYNCED}
    assert busy(sales) > 0
    assert busy(support) > 0
    for connection in company:
        served = Mailbox.objects.filter(connection=connection)
        assert set(served.values_list("unit", flat=True)) == {connection.unit_id}


def test_disconnecting_one_unit_leaves_the_other_working(company):
    sales, support = company
    before = busy(support)
    page = reverse("connection_disconnect", args=[sales.unit.slug, sales.public_id])

    answer = signed_in(sample_lumen.ADMINISTRATOR).post(page)

    assert answer.status_code == 302
    sales.refresh_from_db()
    support.refresh_from_db()
    assert (sales.state, support.state) == (State.DISCONNECTED, State.ACTIVE)
    assert (busy(sales), busy(support)) == (0, before)
    assert health.check_connection(support, by=None, now=timezone.now()).works
    members = list(support.unit.members.all())
    read_now(support, members, now=timezone.now())
    assert states(support) == {Mailbox.State.SYNCED}


def test_pausing_one_unit_leaves_the_other_working(company):
    sales, support = company

    signed_in(sample_lumen.SUPPORT_PEOPLE[0]).post(
        reverse("connection_pause", args=[support.unit.slug, support.public_id])
    )

    sales.refresh_from_db()
    support.refresh_from_db()
    assert (sales.state, support.state) == (State.ACTIVE, State.PAUSED)
    assert health.check_connection(sales, by=None, now=timezone.now()).works


def test_no_page_of_one_unit_shows_anything_of_the_other(company):
    sales, support = company
    rania = signed_in(sample_lumen.SUPPORT_PEOPLE[0])
    names = ("unit_home", "connections", "members", "members_export", "audit_log", "roles")

    shown = ""
    for name in names:
        answer = rania.get(reverse(name, args=[support.unit.slug]), follow=True)
        shown += (b"".join(answer.streaming_content) if answer.streaming else answer.content).decode()

    assert "jonas.adeyemi@lumen.example" in shown
    for person in sample_lumen.SALES_PEOPLE:
        assert person.email not in shown
    assert sales.public_id not in shown
    assert rania.get(reverse("connection", args=[sales.unit.slug, sales.public_id])).status_code == 404


def test_the_administrator_of_both_is_a_member_of_each_with_a_role_of_its_own(company):
    sales, support = company
    ines = signed_in(sample_lumen.ADMINISTRATOR)

    answers = {
        connection.unit.name: ines.get(reverse("connect_start", args=[connection.unit.slug])).status_code
        for connection in (sales, support)
    }
    door = ines.get(reverse("front_door")).content.decode()

    assert answers == {sample_lumen.SALES: 200, sample_lumen.SUPPORT: 403}
    assert sample_lumen.SALES in door
    assert sample_lumen.SUPPORT in door
