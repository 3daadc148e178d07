"""A Microsoft connection changes its access mode: by consent to another app registration."""

from datetime import timedelta

import pytest
from django.utils import timezone

from connections import calendar_connections, jobs, mode_changes, mode_checks
from connections.attempts import Purpose, Refused
from connections.models import CalendarConnection, Credential, ModeChange, PendingAuthorization
from connections.modes import scopes_for
from connections.states import NotPossibleNow
from tests.connecting import StayedAtProvider, answer_provider_page
from tests.connections.changing import (
    approve,
    bare_names,
    begin,
    check,
    come_back,
    complete,
    consent,
    granted,
    leave,
    rows,
)
from tests.connections.reading import stored
from tests.connections.scene import MICROSOFT_FREE_BUSY, MICROSOFT_READ_WRITE, in_modes
from tests.people import MICROSOFT_ADMINISTRATOR, RIVAL_ADMINISTRATOR
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db
both_ways = in_modes(MICROSOFT_READ_WRITE, MICROSOFT_FREE_BUSY)
narrower, wider = in_modes(MICROSOFT_READ_WRITE), in_modes(MICROSOFT_FREE_BUSY)
EMPLOYEE = "paulo.dubois73@sigs.example"


@both_ways
def test_consent_goes_to_the_registration_of_the_new_mode(scene):
    change = begin(scene)

    url = leave(scene, change)

    key = mode_changes.key_of(change.connection, instead=mode_changes.instead(change))
    assert key.permission_set == scopes_for("microsoft", change.to_mode).permission_set
    assert f"client_id={key.client_id}" in url
    assert key.client_id != mode_changes.key_of(change.connection).client_id
    assert PendingAuthorization.objects.filter(mode_change=change, purpose=Purpose.ADMIN_CONSENT).exists()


@both_ways
def test_before_the_consent_the_new_registration_is_unknown_and_nothing_is_tried_again(scene):
    before = rows()
    change = begin(scene)

    verdict = check(change)

    change.refresh_from_db()
    assert (verdict.works, change.problem) == (False, "not_consented")
    assert mode_checks.next_look(change) is None
    assert rows() == before


@both_ways
def test_consented_then_made_it_serves_the_same_people_in_the_new_mode(scene):
    seen, before = stored(scene.member), rows()
    change = begin(scene)
    granted(scene, change)
    assert rows() == before
    assert check(change).works

    complete(scene, change)

    connection = CalendarConnection.objects.get()
    assert (connection.mode, connection.state) == (change.to_mode, "active")
    assert stored(scene.member) == seen
    assert set(connection.checks.values_list("name", "result")) == {
        (scopes_for("microsoft", change.to_mode).organization[0], "granted"),
        ("probe:mailbox", "granted"),
    }
    scene.read()
    assert scene.is_true()


@narrower
def test_the_narrower_mode_keeps_no_id_from_the_wider_one(scene):
    assert not bare_names()
    change = begin(scene)
    granted(scene, change)
    check(change)

    complete(scene, change)

    assert bare_names()
    assert not scene.connection.push_channels.exists()


@both_ways
def test_declined_nothing_is_changed_and_the_change_stays_open(scene):
    before = rows()
    change = begin(scene)

    with pytest.raises(Refused) as refused:
        consent(scene, change, agree=False)

    assert refused.value.reason == "declined"
    assert rows() == before
    change.refresh_from_db()
    assert (change.state, change.consented_at) == ("open", None)


@narrower
def test_consent_that_comes_back_for_another_tenant_is_refused(scene):
    before = rows()
    change = begin(scene)
    back = answer_provider_page(leave(scene, change), MICROSOFT_ADMINISTRATOR)

    with pytest.raises(Refused) as refused:
        come_back(scene, back, tenant="5165e0a1-0000-4000-8000-000000000002")

    assert refused.value.reason == "wrong_tenant"
    assert rows() == before
    change.refresh_from_db()
    assert change.consented_at is None


@narrower
def test_consent_that_comes_back_after_cancelling_is_refused_and_changes_nothing(scene):
    before = rows()
    change = begin(scene)
    back = answer_provider_page(leave(scene, change), MICROSOFT_ADMINISTRATOR)
    mode_changes.cancel_change(change, by=scene.company.olga, now=timezone.now())

    with pytest.raises(Refused) as refused:
        come_back(scene, back)

    assert refused.value.reason == "change_over"
    assert rows() == before
    assert ModeChange.objects.values_list("state", "consented_at").get() == ("cancelled", None)


@narrower
def test_a_consent_that_spreads_late_is_looked_at_again_by_itself(scene):
    change = begin(scene)
    consent(scene, change)
    scene.providers.fault("consent_late", seconds=3600)
    check(change)
    change.refresh_from_db()
    assert change.problem == "consent_spreading"
    assert mode_checks.next_look(change) is not None

    ModeChange.objects.update(checked_at=timezone.now() - timedelta(minutes=2))
    scene.providers.control("DELETE", "faults")
    jobs.retry_mode_changes()
    run_waiting_jobs()

    change.refresh_from_db()
    assert mode_checks.is_ready(change)
    assert CalendarConnection.objects.get().mode == "read_write"


@narrower
def test_after_24_hours_we_stop_looking_until_a_person_does(scene):
    change = begin(scene)
    yesterday = timezone.now() - timedelta(hours=25)
    ModeChange.objects.update(problem="consent_spreading", consented_at=yesterday, checked_at=timezone.now())
    change.refresh_from_db()
    assert mode_checks.next_look(change) is None

    check(change, by=scene.company.olga)

    change.refresh_from_db()
    assert change.consented_at > yesterday


# --- a wider mode with a key that is not the unit's alone


@wider
def test_a_consent_given_for_another_unit_does_not_widen_this_one(scene):
    """Whoever only knows that the installation's registration was granted more, gets nothing by it."""
    change = begin(scene)
    consent(scene, change)

    verdict = check(change)

    assert (verdict.works, verdict.reason) == (False, "not_approved")
    with pytest.raises(NotPossibleNow):
        complete(scene, change)
    assert CalendarConnection.objects.get().mode == "free_busy"


@wider
@pytest.mark.parametrize("account", [EMPLOYEE, RIVAL_ADMINISTRATOR])
def test_neither_an_employee_nor_another_tenants_administrator_can_agree(scene, account):
    before = rows()
    change = begin(scene)

    with pytest.raises((Refused, StayedAtProvider)):
        approve(scene, change, account)

    change.refresh_from_db()
    assert change.approved_at is None
    assert rows() == before


@wider
def test_an_administrator_who_agrees_touches_nothing_of_the_connection(scene):
    before = rows()
    change = begin(scene)

    approve(scene, change)

    change.refresh_from_db()
    assert change.approved_at is not None
    assert rows() == before


@wider
def test_with_a_registration_of_the_unit_alone_its_consent_is_enough(scene):
    change = begin(scene)
    own_registration(scene, change, ["Calendars.ReadWrite"])
    consent(scene, change)

    assert check(change).works

    complete(scene, change)
    connection = CalendarConnection.objects.get()
    assert connection.credential == Credential.objects.get()
    scene.read()
    assert scene.is_true()


@wider
def test_a_registration_that_holds_another_permission_is_not_what_was_asked(scene):
    change = begin(scene)
    own_registration(scene, change, ["Calendars.ReadBasic.All"])
    consent(scene, change)

    verdict = check(change)

    assert (verdict.works, verdict.reason) == (False, "incomplete")


def own_registration(scene, change: ModeChange, roles: list[str]) -> None:
    """Register an application at the sandbox and paste it for the change."""
    app = scene.providers.control("POST", "registrations", name="own", roles=roles)
    mode_changes.use_registration(
        change, app["client_id"], app["secret"], by=scene.company.olga, now=timezone.now()
    )


@narrower
def test_disconnecting_meanwhile_ends_the_change_and_forgets_its_key(scene):
    change = begin(scene)
    mode_changes.use_registration(
        change, "b0000001-0000-4000-8000-000000000009", "s", by=scene.company.olga, now=timezone.now()
    )

    calendar_connections.disconnect(scene.connection, by=scene.company.olga, now=timezone.now())

    assert ModeChange.objects.values_list("state", flat=True).get() == "cancelled"
    assert not Credential.objects.exists()
