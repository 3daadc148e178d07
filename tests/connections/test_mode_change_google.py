"""A Google connection changes its access mode: asked for, granted in the Admin console, looked at, made."""

import pytest

from connections import mode_changes
from connections.models import (
    BusyPeriod,
    CalendarConnection,
    EventPosition,
    Mailbox,
    MemberCalendar,
    ModeChange,
)
from connections.modes import scopes_for
from orgunits.models import AuditEvent
from tests.connections.changing import bare_names, begin, check, complete, grant_at_google, rows
from tests.connections.reading import stored
from tests.connections.scene import GOOGLE_FREE_BUSY, GOOGLE_READ_WRITE, in_modes

pytestmark = pytest.mark.django_db
both_ways = in_modes(GOOGLE_READ_WRITE, GOOGLE_FREE_BUSY)
narrower, wider = in_modes(GOOGLE_READ_WRITE), in_modes(GOOGLE_FREE_BUSY)


@both_ways
def test_the_wish_alone_changes_nothing_and_is_known_once(scene):
    before = rows()

    first, second = begin(scene), begin(scene)

    assert first.pk == second.pk
    assert rows() == before
    assert ModeChange.objects.values_list("state", flat=True).get() == "open"


@both_ways
def test_before_the_grant_each_scope_of_the_new_mode_is_missing_alone(scene):
    change = begin(scene)

    verdict = check(change)

    change.refresh_from_db()
    added = set(mode_changes.diff_of(change).to_add)
    assert (verdict.works, verdict.reason) == (False, "incomplete")
    assert {name for name, result, _code in change.answers if result == "missing"} == {
        *added,
        "probe:mailbox",
    }
    assert change.problem == "incomplete"


@both_ways
def test_granted_then_made_it_serves_the_same_people_in_the_new_mode(scene):
    seen = stored(scene.member)
    calendars = set(MemberCalendar.objects.values_list("public_id", "counts"))
    change = begin(scene)
    grant_at_google(scene, change)
    assert check(change).works

    complete(scene, change)

    connection = CalendarConnection.objects.get()
    assert (connection.mode, connection.state) == (change.to_mode, "active")
    assert stored(scene.member) == seen
    assert set(connection.checks.values_list("name", "result")) == {
        *((name, "granted") for name in scopes_for("google", change.to_mode).organization),
        ("probe:mailbox", "granted"),
    }
    scene.read()
    assert scene.is_true()
    assert set(MemberCalendar.objects.values_list("public_id", "counts")) == calendars


@narrower
def test_the_narrower_mode_keeps_no_id_of_an_event_and_shows_nobody_free_meanwhile(scene):
    seen = stored(scene.member)
    assert seen
    assert not bare_names()
    change = begin(scene)
    grant_at_google(scene, change)
    check(change)

    complete(scene, change)

    assert bare_names()
    assert stored(scene.member) == seen
    assert set(MemberCalendar.objects.values_list("feed_token", flat=True)) == {""}
    scene.read()
    assert bare_names()
    assert scene.is_true()


@wider
def test_the_wider_mode_reads_everything_anew_instead_of_going_on_from_an_old_place(scene):
    change = begin(scene)
    grant_at_google(scene, change)
    check(change)
    assert EventPosition.objects.exists()

    complete(scene, change)

    assert not EventPosition.objects.exists()
    assert list(MemberCalendar.objects.filter(counts=True).values_list("feed_token", "full_round_at")) == [
        ("", None)
    ]
    assert Mailbox.objects.get(member=scene.member).next_sync_at is not None
    scene.read()
    assert scene.is_true()
    assert not BusyPeriod.objects.filter(provider_id__regex=r"^\d+-\d+-\d$").exists()


@both_ways
def test_cancelled_half_way_every_row_is_as_before(scene):
    before = rows()
    change = begin(scene)
    grant_at_google(scene, change)
    assert check(change, by=scene.company.olga).works

    mode_changes.cancel_change(change, by=scene.company.olga, now=scene.now)

    assert rows() == before
    assert ModeChange.objects.values_list("state", flat=True).get() == "cancelled"
    scene.read()
    assert scene.is_true()


@narrower
def test_one_step_in_the_audit_log_says_from_what_to_what(scene):
    change = begin(scene)
    grant_at_google(scene, change)
    check(change, by=scene.company.olga)
    complete(scene, change)

    verbs = AuditEvent.objects.filter(facts__change=change.public_id).order_by("pk")
    assert list(verbs.values_list("verb", flat=True)) == [
        "connection.mode_begun", "connection.mode_checked", "connection.mode_changed",
    ]  # fmt: skip
    event = verbs.last()
    assert (event.before, event.after) == ({"mode": "read_write"}, {"mode": "free_busy"})
    assert event.actor == scene.company.olga.public_id
