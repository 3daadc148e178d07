"""What support sees of a unit's health: the same numbers, for a reason, and nobody's name."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from connections.models import Mailbox
from connections.reading_hours import hour_of
from orgunits.models import AuditReason, OrganizationalUnit
from tests.connections.read_by_hand import connect, count, serve
from tests.people import make_company, signed_in
from tests.support import WHY, let_in, make_staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def unit():
    unit = make_company().unit
    Mailbox.objects.all().delete()
    google = connect(unit, tenant="kube.example")
    serve(google, 1200, last_synced_at=timezone.now())
    serve(google, 34, state=Mailbox.State.FAILING, failure=Mailbox.Failure.LICENCE)
    count(google, hour_of(timezone.now()), mailboxes_read=300, unreachable=100)
    return unit


def stranger_to(unit: OrganizationalUnit) -> OrganizationalUnit:
    return OrganizationalUnit.objects.exclude(pk=unit.pk).get()


def url_of(unit) -> str:
    return reverse("admin:connections_health", args=[unit.public_id])


def test_it_opens_after_a_reason_and_each_look_stands_in_the_units_log(unit):
    client = make_staff()

    asked = client.get(url_of(unit))
    led = client.post(asked.headers["Location"], {"why": WHY, "next": url_of(unit)})
    seen = client.get(led.headers["Location"])

    assert (asked.status_code, led.headers["Location"], seen.status_code) == (302, url_of(unit), 200)
    (event,) = unit.audit_events.filter(verb="support.viewed")
    assert (event.subject, event.facts["what"], event.origin) == (unit.public_id, "health", "support")
    assert AuditReason.objects.get(event=event.public_id).text == WHY


def test_a_reason_for_one_unit_opens_no_other(unit):
    client, other = make_staff(), stranger_to(unit)
    let_in(client, unit)

    assert client.get(url_of(unit)).status_code == 200
    assert client.get(url_of(other)).status_code == 302
    assert not other.audit_events.filter(verb="support.viewed").exists()


def test_the_units_page_leads_to_it(unit):
    client = make_staff()
    let_in(client, unit)

    page = client.get(reverse("admin:orgunits_organizationalunit_change", args=[unit.pk])).content.decode()

    assert f'href="{url_of(unit)}"' in page


def test_it_shows_what_the_units_people_see_and_no_member(unit):
    client = make_staff()
    let_in(client, unit)

    answer = client.get(url_of(unit))
    page = answer.content.decode()

    assert "1,200 of 1,234" in page
    assert "licence" in page
    assert "25.0 %" in page
    assert page.count('class="chart-day"') == 14
    assert not any(email in page for email in unit.members.values_list("email", flat=True))


def test_a_unit_without_connections_or_readings_opens_too(unit):
    client, other = make_staff(), stranger_to(unit)
    let_in(client, other)

    nothing = client.get(url_of(other)).content.decode()
    serve(connect(other, "none", "no_access"), 1, state=Mailbox.State.KEPT_HERE)
    no_access = client.get(url_of(other)).content.decode()
    serve(connect(other), 1, state=Mailbox.State.WAITING, next_sync_at=timezone.now() - timedelta(minutes=1))
    not_read = client.get(url_of(other)).content.decode()

    assert "No calendar service is connected" in nothing
    assert "Nothing is read in this unit" in no_access
    assert "Waiting for first sync" in not_read
    assert 'class="chart"' not in nothing + no_access + not_read


def test_nobody_else_opens_it(unit):
    client = signed_in(unit.members.get(email="olga@kube.example").user)

    assert client.get(url_of(unit)).status_code in {302, 403}
    assert make_staff().get(reverse("admin:connections_health", args=["org_nowhere"])).status_code == 404
