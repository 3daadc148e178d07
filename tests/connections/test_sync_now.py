""" "Sync now": one member's calendar or a whole connection is read at once, and the page says what came of it."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from connections import calendar_connections, circuits, sync_now
from connections.models import CalendarConnection, Mailbox
from orgunits.models import AuditEvent
from tests.builders import make_members
from tests.connecting import connect
from tests.connections.sandbox_calendar import SandboxCalendar
from tests.people import GOOGLE_EMPLOYEE, make_company
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


class Scene:
    """Olga's unit with a working Google connection that has just read two members."""

    def __init__(self, providers):
        self.providers, self.company = providers, make_company()
        unit, olga = self.company.unit, self.company.olga
        self.member, self.colleague = make_members(unit, [GOOGLE_EMPLOYEE, "pia.bauer11@kube.example"])
        self.connection = connect(unit, "google", "free_busy", providers, by=olga)
        run_waiting_jobs()
        Mailbox.objects.update(next_sync_at=timezone.now() + HOUR)
        self.client = self.signed_in(olga)

    def signed_in(self, user) -> Client:
        client = Client()
        client.force_login(user)
        return client

    def url(self, name: str) -> str:
        of = self.member if name.startswith("member") else self.connection
        return reverse(name, args=[self.company.unit.slug, of.public_id])

    def box(self) -> Mailbox:
        return Mailbox.objects.get(member=self.member)

    def page(self, name: str = "member") -> str:
        return self.client.get(self.url(name)).content.decode()


@pytest.fixture
def scene(providers) -> Scene:
    return Scene(providers)


# --- one member


def test_the_page_says_how_many_changes_were_read(scene):
    calendar = SandboxCalendar(scene.providers, GOOGLE_EMPLOYEE)
    tomorrow = (timezone.now() + timedelta(days=1)).replace(hour=3, minute=0, second=0, microsecond=0)
    calendar.add(tomorrow, 30)

    answer = scene.client.post(scene.url("member_read"))

    assert answer.url == scene.url("member") + "#week"
    assert "Being read" in scene.page()

    run_waiting_jobs()
    assert "Read: 1 change." in scene.page()

    scene.client.post(scene.url("member_read"))
    run_waiting_jobs()
    assert "Read: 0 changes." in scene.page()


def test_only_who_was_asked_for_is_read(scene):
    before = scene.colleague.mailbox.last_attempt_at

    scene.client.post(scene.url("member_read"))
    run_waiting_jobs()

    assert Mailbox.objects.get(member=scene.colleague).last_attempt_at == before
    assert scene.box().last_attempt_at > before


def test_while_it_waits_the_page_asks_again_and_then_loads_anew(scene):
    asked = scene.client.post(scene.url("member_read"))
    assert asked.status_code == 302
    assert f'hx-get="{scene.url("member_reading")}"' in scene.page()

    waiting = scene.client.get(scene.url("member_reading"))
    run_waiting_jobs()
    done = scene.client.get(scene.url("member_reading"))

    assert (waiting.status_code, "HX-Refresh" in waiting.headers) == (200, False)
    assert done.headers["HX-Refresh"] == "true"
    assert "hx-get" not in scene.page().split('id="week"')[1].split("</section>")[0]


def test_a_failure_is_told_with_its_cause_and_what_helps(scene):
    scene.providers.control("DELETE", f"people/{GOOGLE_EMPLOYEE}")

    scene.client.post(scene.url("member_read"))
    run_waiting_jobs()

    page = scene.page()
    assert "It could not be read: no mailbox." in page
    assert "have a mailbox made" in page


def test_who_waits_longer_than_a_minute_is_told_so_and_no_longer_polled(scene):
    box, now = scene.box(), timezone.now()

    late = sync_now.outcome(box, asked_at=now, now=now + timedelta(seconds=61))
    forgotten = sync_now.outcome(box, asked_at=now, now=now + HOUR)

    assert (late.code, late.waits) == ("late", False)
    assert forgotten is None


def test_an_earlier_readings_end_is_not_taken_for_the_asked_one(scene):
    asked_at = timezone.now()
    Mailbox.objects.update(last_attempt_at=asked_at - timedelta(seconds=1), last_synced_at=asked_at)

    assert sync_now.outcome(scene.box(), asked_at=asked_at, now=asked_at).code == "waiting"


def test_a_member_has_their_own_calendar_read(scene):
    company = scene.company
    Mailbox.objects.filter(member=scene.member).delete()
    type(scene.member).objects.filter(pk=scene.member.pk).delete()
    emma = company.member(company.emma)
    type(emma).objects.filter(pk=emma.pk).update(email=GOOGLE_EMPLOYEE, mail_domain="kube.example")
    Mailbox.objects.filter(member=emma).update(
        connection=scene.connection, state="waiting", next_sync_at=timezone.now()
    )
    client = scene.signed_in(company.emma)
    url = reverse("member_read", args=[company.unit.slug, emma.public_id])

    assert client.post(url).status_code == 302
    run_waiting_jobs()

    assert Mailbox.objects.get(member=emma).state == "synced"
    assert client.post(scene.url("connection_read")).status_code == 403


@pytest.mark.parametrize("state", ["paused", "needs_reauthorization", "slowed", "nobody"])
def test_what_cannot_be_read_now_is_said_and_nothing_is_enqueued(scene, state):
    now = timezone.now()
    if state == "paused":
        calendar_connections.pause(scene.connection, by=scene.company.olga, now=now)
    elif state == "needs_reauthorization":
        calendar_connections.mark_lost(scene.connection, "revoked", now=now)
    elif state == "slowed":
        circuits.be_patient(scene.connection, until=now + HOUR)
    else:
        Mailbox.objects.filter(member=scene.member).delete()
    OrmQ.objects.all().delete()

    answers = [scene.client.post(scene.url(name), follow=True) for name in ("member_read", "connection_read")]

    told = answers[0].content.decode()
    assert ("we ask again in" if state == "slowed" else "Nothing can be read just now") in told
    waiting = OrmQ.objects.count()
    assert waiting == (1 if state == "nobody" else 0)  # the connection itself can be read


def test_nobody_storms_a_provider_with_one_button(scene):
    statuses = [scene.client.post(scene.url("member_read")).status_code for _ in range(5)]

    assert statuses == [302, 302, 302, 302, 429]


# --- a whole connection


def test_every_calendar_of_a_connection_is_read_and_the_page_counts_along(scene):
    scene.client.post(scene.url("connection_read"))

    begun = scene.client.get(scene.url("connection")).context["round"]
    number = scene.connection.mailboxes.count()
    assert (begun.total, begun.done, begun.over) == (number, 0, False)
    assert f'hx-get="{scene.url("connection_reading")}"' in scene.page("connection")

    run_waiting_jobs()
    done = scene.client.get(scene.url("connection_reading"))

    assert done.status_code == 286
    assert scene.client.get(scene.url("connection")).context["round"].done == number
    event = AuditEvent.objects.get(verb="connection.sync_asked")
    assert event.facts == {"count": number}


def test_only_who_asked_sees_how_it_goes(scene):
    scene.client.post(scene.url("connection_read"))

    other = scene.signed_in(scene.company.carl)

    assert other.get(scene.url("connection")).context["round"] is None
    assert other.get(scene.url("connection_reading")).status_code == 286


# --- from when busy time is


def test_wherever_busy_time_is_shown_it_says_from_when_it_is(scene):
    read_at = timezone.now() - timedelta(minutes=4)
    Mailbox.objects.update(last_synced_at=read_at)
    stamp = read_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    members = reverse("members", args=[scene.company.unit.slug])

    week = scene.page().split('id="week"')[1]
    for shown in (week, scene.client.get(members).content.decode()):
        before, after = shown.split(f'<time datetime="{stamp}"', 1)
        assert before.rstrip().endswith("as of")
        assert "(4\xa0minutes ago)" in after[:120]


def test_old_data_says_its_day_as_well(scene):
    read_at = timezone.now() - timedelta(days=3)
    Mailbox.objects.update(last_synced_at=read_at)

    assert read_at.strftime("%-d %b %Y, %H:%M") in scene.page()


def test_a_paused_connection_still_says_from_when_its_data_is(scene):
    calendar_connections.pause(scene.connection, by=scene.company.olga, now=timezone.now())

    week = scene.page().split('id="week"')[1]
    assert "as of" in week
    assert scene.url("member_read") not in week
    assert CalendarConnection.objects.get(pk=scene.connection.pk).state == "paused"
