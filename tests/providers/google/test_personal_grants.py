"""Google ends one person's own authorization, or gives less of it: that person is told, and nobody else notices.

Reference: OAuth 2.0 for web server applications, refresh token expiration: withdrawn by the person, unused for six
months, an application "in testing" after seven days, too many tokens of one person. All look the same to us.
"""

from datetime import datetime, timedelta

import pytest

from connections import mailboxes
from connections.attempts import Refused
from connections.models import CalendarConnection, Mailbox, PersonalGrant
from connections.personal_grants import own
from connections.reasons import reason
from connections.states import shown_with_counts
from orgunits.models import Member
from tests.connecting import answer_provider_page
from tests.connections.personal import BENNO, Personal
from tests.connections.reading import read_now, set_clock
from tests.providers.striking import DAY, HOUR, MINUTE

pytestmark = pytest.mark.django_db

State = PersonalGrant.State
LATER = 2 * HOUR  # by then the first access token is over and has to be refreshed


class Two:
    """Grace and Benno authorized, and were read."""

    def __init__(self, providers) -> None:
        self.personal = Personal(providers)
        set_clock(providers, self.personal.now)
        self.grace, self.benno = self.personal.grace, self.personal.member(BENNO, "Benno")
        mailboxes.assign(self.personal.unit, now=self.personal.now)
        self.grants = [self.personal.grant(one) for one in (self.grace, self.benno)]
        self.read(after=MINUTE)

    def read(self, *, after: timedelta) -> datetime:
        self.personal.now += after
        read_now(self.personal.connection, [self.grace, self.benno], now=self.personal.now)
        return self.personal.now

    def box(self, member: Member) -> Mailbox:
        return Mailbox.objects.get(member=member)

    def grant_of(self, member: Member) -> PersonalGrant:
        return PersonalGrant.objects.get(member=member)

    @property
    def shown(self) -> str:
        return shown_with_counts([CalendarConnection.objects.get()])[0][1].code


@pytest.fixture
def two(providers) -> Two:
    return Two(providers)


# --- the grant is over --------------------------------------------------------------------------------------------
def test_google_a_refresh_token_that_was_expired_or_revoked_ends_that_members_grant_alone(providers, two):
    providers.fault("refresh_revoked", target=two.grace.email)

    now = two.read(after=LATER)

    box, grant = two.box(two.grace), two.grant_of(two.grace)
    assert (box.state, box.failure) == ("failing", "grant_lost")
    assert box.next_sync_at == now + DAY
    assert (grant.state, grant.refresh_token, grant.access_token) == (State.NEEDS_REAUTHORIZATION, "", "")
    assert two.box(two.benno).last_synced_at == now
    assert CalendarConnection.objects.get().state == "active"


def test_google_apps_in_testing_and_unused_grants_a_lost_grant_is_renewed_by_the_member_alone(providers, two):
    providers.fault("refresh_revoked", target=two.grace.email)
    two.read(after=LATER)
    asked = [own(one).asks for one in (two.grace, two.benno)]
    providers.control("DELETE", "faults")

    two.personal.grant(two.grace)
    now = two.read(after=MINUTE)

    assert asked == [True, False], "the member's own page asks for it again"
    assert two.grant_of(two.grace).state == State.ACTIVE
    assert two.box(two.grace).last_synced_at == now
    assert PersonalGrant.objects.count() == 2


def test_google_one_refusal_alone_ends_no_grant(providers, two):
    providers.fault("refresh_revoked", target=two.grace.email, times=1)

    now = two.read(after=LATER)

    assert two.grant_of(two.grace).state == State.ACTIVE
    assert two.box(two.grace).last_synced_at == now


def test_google_too_many_tokens_of_one_person_only_one_is_kept_so_none_of_ours_pushes_another_out(
    providers, two
):
    providers.fault("refresh_tokens_limited", target=two.grace.email, most=1)
    before = two.grant_of(two.grace).refresh_token

    two.personal.grant(two.grace)
    now = two.read(after=LATER)

    after = two.grant_of(two.grace)
    assert after.refresh_token not in {"", before}
    assert after.state == State.ACTIVE
    assert two.box(two.grace).last_synced_at == now


# --- no refresh token ---------------------------------------------------------------------------------------------
def test_kalle_152_a_second_consent_is_asked_for_anew_and_brings_a_refresh_token_again(providers, two):
    first = two.grant_of(two.grace).refresh_token

    second = two.personal.grant(two.grace).refresh_token

    assert "prompt=consent" in two.personal.begin(two.grace)
    assert "access_type=offline" in two.personal.begin(two.grace)
    assert second not in {"", first}


def test_kalle_152_an_answer_without_a_refresh_token_is_a_failed_connection_and_never_a_working_one(
    providers, two
):
    before = PersonalGrant.objects.filter(member=two.grace).values().get()
    quiet = two.personal.begin(two.grace).replace("prompt=consent", "prompt=none")

    with pytest.raises(Refused) as refused:
        two.personal.come_back(two.grace, answer_provider_page(quiet, two.grace.email))

    assert refused.value.reason == "no_refresh_token"
    assert reason("no_refresh_token").sentence
    assert PersonalGrant.objects.filter(member=two.grace).values().get() == before


# --- refreshing ---------------------------------------------------------------------------------------------------
def test_google_a_refresh_token_that_rotates_is_kept_before_its_access_token_is_used(providers, two):
    providers.fault("refresh_rotates")
    before = two.grant_of(two.grace).refresh_token

    two.read(after=LATER)
    now = two.read(after=LATER)

    after = two.grant_of(two.grace)
    assert after.refresh_token not in {"", before}
    assert after.state == State.ACTIVE
    assert two.box(two.grace).last_synced_at == now


def test_google_a_rotated_token_whose_answer_was_lost_costs_one_try_and_no_grant(providers, two, wire):
    wire.answers_break = True
    providers.fault("refresh_rotates")
    providers.fault("lost_answer", target="oauth2.googleapis.com")
    two.read(after=LATER)
    failure = two.box(two.grace).failure

    providers.control("DELETE", "faults/lost_answer")
    now = two.read(after=HOUR)

    assert failure == "unreachable"
    assert two.grant_of(two.grace).state == State.ACTIVE
    assert two.box(two.grace).last_synced_at == now


def test_google_a_token_address_that_is_down_takes_no_grant_away(providers, two):
    providers.fault("token_unavailable")
    two.read(after=LATER)
    failures = [two.box(one).failure for one in (two.grace, two.benno)]

    providers.control("DELETE", "faults")
    now = two.read(after=HOUR)

    assert failures == ["unreachable", "unreachable"]
    assert two.grant_of(two.grace).state == State.ACTIVE
    assert two.box(two.grace).last_synced_at == now
    assert two.shown == "healthy"


def test_google_a_workspace_that_blocks_the_client_refuses_its_people_and_keeps_their_grants(providers, two):
    providers.fault("admin_policy_enforced", target=two.grace.email)

    now = two.read(after=LATER)

    box = two.box(two.grace)
    assert (box.state, box.failure, box.failure_code) == ("failing", "refused", "admin_policy_enforced")
    assert two.grant_of(two.grace).state == State.ACTIVE
    assert two.box(two.benno).last_synced_at == now
