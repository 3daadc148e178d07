"""The trip on which one member lets us read their own calendar, where the organization refuses delegation.

It goes by the rules of `connections/attempts.py`: a state of one use, bound to session and person, PKCE, nonce.
Who agreed is read from the validated ID token: it must be the member's own address, in their own organization, and
the same person as before, since an address can change hands.
"""

from contextlib import suppress
from datetime import datetime

from django.db import transaction

from orgunits import audit
from orgunits.models import Member

from . import attempts, jobs, mailboxes
from .attempts import Purpose, Refused, Traveller, claim, hashed, redirect_uri, refuse
from .authorization import sign_in_reason
from .credentials import sign_in_lacks
from .models import CalendarConnection, PendingAuthorization, PersonalGrant
from .modes import compare, scopes_for
from .providers.base import (
    AuthorizationLost,
    ProviderError,
    RefreshTokenMissing,
    Throttled,
    Unreachable,
    readable,
)
from .providers.google import personal as google
from .providers.http import ProviderSession
from .states import State


class ScopesMissing(Refused):
    """The person left boxes unticked: `missing` names them."""

    def __init__(self, connection: CalendarConnection, missing: tuple[str, ...]):
        super().__init__("personal_scopes_missing", connection)
        self.missing = missing


@transaction.atomic
def begin(connection: CalendarConnection, member: Member, *, traveller: Traveller, now: datetime) -> str:
    """Write down an attempt of `member`; answers Google's address to send the browser to. Raises Refused."""
    if not connection.personal:
        raise Refused("disconnected_by_admin", connection)
    attempts.must_be_open(connection)
    if lacks := sign_in_lacks("google", None):
        raise Refused(lacks, connection)
    fresh, back = attempts.Secrets.fresh(), redirect_uri("google")
    scopes = scopes_for("google", connection.mode).organization
    attempts.write_down(
        connection,
        fresh,
        purpose=Purpose.PERSONAL,
        redirect_uri=back,
        scopes=scopes,
        traveller=traveller,
        now=now,
        member=member,
    )
    return google.authorization_url(
        redirect_uri=back,
        scopes=scopes,
        **fresh.for_address,
        hint=member.email,
    )


def is_personal(state: str) -> bool:
    """Whether this answer of Google's belongs to a member's own authorization."""
    return PendingAuthorization.objects.filter(state_hash=hashed(state), purpose=Purpose.PERSONAL).exists()


def complete(*, state: str, code: str, error: str, traveller: Traveller, now: datetime) -> PersonalGrant:
    """The member came back: keep what they granted, if it is all and theirs. Raises Refused, and nothing changed."""
    attempt = claim(state, provider="google", purposes={Purpose.PERSONAL}, traveller=traveller, now=now)
    try:
        if error:
            reason = sign_in_reason(error)
            raise Refused(
                "personal_declined" if reason == "sign_in_cancelled" else reason, attempt.connection
            )
        if not code:
            raise Refused("answer_invalid", attempt.connection)
        who = _exchange(attempt, code, now=now)
        try:
            return _keep(attempt, who, traveller=traveller, now=now)
        except Refused:
            _give_back(attempt, who)
            raise
    except Refused as refused:
        refuse(attempt, refused.reason, traveller=traveller, now=now)
        refused.purpose = attempt.purpose
        raise


def _exchange(attempt: PendingAuthorization, code: str, *, now: datetime) -> google.Personal:
    connection = attempt.connection
    try:
        with readable():
            return google.exchange(
                code,
                redirect_uri=attempt.redirect_uri,
                code_verifier=attempt.code_verifier,
                nonce=attempt.nonce,
                session=ProviderSession(connection_id=connection.public_id),
                now=now,
            )
    except RefreshTokenMissing:
        raise Refused("no_refresh_token", connection) from None
    except AuthorizationLost as error:
        raise Refused(error.reason, connection) from None
    except (Unreachable, Throttled):
        raise Refused("provider_down", connection) from None
    except ProviderError:
        raise Refused("answer_invalid", connection) from None


@transaction.atomic
def _keep(
    attempt: PendingAuthorization, who: google.Personal, *, traveller: Traveller, now: datetime
) -> PersonalGrant:
    mine = PersonalGrant.objects.filter(connection=attempt.connection_id, member=attempt.member_id)
    mine.select_for_update(no_key=True).first()  # before the unit, as in personal_grants
    connection = CalendarConnection.objects.select_for_update(no_key=True).get(pk=attempt.connection_id)
    if connection.state == State.DISCONNECTED:  # while the provider was asked
        raise Refused("disconnected_by_admin", connection)
    mailboxes.one_decision_at_a_time(connection.unit_id)
    member = Member.objects.get(pk=attempt.member_id)
    if member.state != Member.State.ACTIVE or member.user_id != attempt.user_id:
        raise Refused("right_lost", connection)
    if not who.hosted_domain:
        raise Refused("no_organization", connection)
    if who.address.lower() != member.email.lower():
        raise Refused("personal_other_address", connection)
    if who.hosted_domain.lower() != member.mail_domain:
        raise Refused("personal_other_organization", connection)
    before = connection.personal_grants.filter(member=member).first()
    if before is not None and before.subject != who.subject:
        raise Refused("personal_other_subject", connection)
    if missing := compare(tuple(attempt.scopes), who.granted_scopes).missing:
        raise ScopesMissing(connection, missing)
    grant, _created = PersonalGrant.objects.update_or_create(
        connection=connection,
        member=member,
        defaults={
            "unit_id": connection.unit_id,
            "subject": who.subject,
            "scopes": list(who.granted_scopes),
            "refresh_token": who.refresh_token,
            "previous_refresh_token": "",
            "access_token": who.access_token,
            "access_token_ends_at": who.expires_at,
            "state": PersonalGrant.State.ACTIVE,
            "state_since": now,
            "granted_at": now,
            "refreshed_at": None,
            "revoke_at": None,
            "revoke_attempts": 0,
        },
    )
    PendingAuthorization.objects.filter(pk=attempt.pk).update(outcome="granted")
    audit.record(
        connection.unit,
        "personal.granted",
        member,
        by=traveller.user,
        now=now,
        connection=connection.public_id,
    )
    if mailboxes.make_due(member, connection, now=now):
        jobs.enqueue_start_reading(connection)
    return grant


def _give_back(attempt: PendingAuthorization, who: google.Personal) -> None:
    """What we may not keep we do not keep: unless the same person granted us something elsewhere, it is ended."""
    living = PersonalGrant.objects.filter(subject=who.subject, state=PersonalGrant.State.ACTIVE)
    if not living.exists():
        with suppress(ProviderError):  # it ends by itself when nobody uses it
            google.revoke(
                who.refresh_token, session=ProviderSession(connection_id=attempt.connection.public_id)
            )
