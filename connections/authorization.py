"""Trips to a provider's sign-in and consent pages: begun here, and completed here by what comes back.

RFC 9700 §2.1, §4.7: a random state of one use, bound to session, person, provider and connection; PKCE; nonce.
What comes back in the browser is only a hint; who signed in is read from a validated ID token.
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from orgunits import audit
from orgunits.access import access_to
from orgunits.models import User

from . import mode_changes
from .credentials import key_of, sign_in_lacks
from .domains import add_domain
from .models import (
    CalendarConnection,
    ConnectionDomain,
    HandOff,
    ModeChange,
    PendingAuthorization,
    PersonalGrant,
)
from .modes import compare, scopes_for
from .providers.base import AuthorizationLost, ProviderError, SignedIn, Throttled, Unreachable, readable
from .providers.google import oauth as google
from .providers.http import ProviderSession
from .providers.microsoft import oauth as microsoft
from .states import NotPossibleNow, State, explain

Purpose = PendingAuthorization.Purpose
Proof = CalendarConnection.Proof
LIVES = timedelta(minutes=10)


class Refused(Exception):
    """The trip ended without effect. `reason` is a code of connections/reasons.py.

    `purpose`: what the trip was for, where it can be begun again.
    """

    def __init__(self, reason: str, connection: CalendarConnection | None = None, purpose: str = ""):
        self.reason, self.connection, self.purpose = reason, connection, purpose
        super().__init__(reason)


@dataclass(frozen=True)
class Traveller:
    """Who is on the way: a signed-in user or the holder of a hand-off link, in one browser session."""

    session_key: str
    user: User | None = None
    hand_off: HandOff | None = None

    @property
    def session_hash(self) -> str:
        return hashed(self.session_key)

    @property
    def actor(self) -> User | HandOff | None:
        """Who the audit log names."""
        return self.user or self.hand_off


def hashed(secret: str) -> str:
    """SHA-256, for values of 128 random bits and more."""
    return hashlib.sha256(secret.encode()).hexdigest()


def redirect_uri(name: str) -> str:
    """One redirect address for each provider and purpose (RFC 9700 §4.4)."""
    return f"{settings.PORTAL_URL}/authorization/callback/{name}"


@transaction.atomic
def begin(
    connection: CalendarConnection,
    *,
    purpose: str,
    traveller: Traveller,
    now: datetime,
    mode_change: ModeChange | None = None,
) -> str:
    """Write down an attempt; answers the provider's address to send the browser to.

    `mode_change`: what the consent or the sign-in is for; consent then goes to the new mode's registration.
    Raises Refused when the connection is closed, there is no key, or consent is asked for before sign-in.
    """
    if connection.state == State.DISCONNECTED:
        raise Refused("disconnected_by_admin", connection)
    if not connection.unit.works:
        raise Refused("unit_at_rest", connection)
    if mode_change is not None and mode_change.state != ModeChange.State.OPEN:
        raise Refused("change_over", connection)
    instead = mode_changes.instead(mode_change) if mode_change else None
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    scopes = list(scopes_for(connection.provider, connection.mode).sign_in)
    if purpose == Purpose.PROVE_ADMINISTRATOR and connection.provider == "google":
        scopes += google.PROOF_SCOPES
    consent = purpose == Purpose.ADMIN_CONSENT
    back = redirect_uri(f"{connection.provider}-consent" if consent else connection.provider)
    challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    try:
        if consent:
            if not connection.tenant:
                raise Refused("not_signed_in", connection)
            url = microsoft.admin_consent_url(
                key_of(connection, instead=instead), tenant=connection.tenant, redirect_uri=back, state=state
            )
            scopes = [microsoft.DEFAULT_SCOPE]
        elif connection.provider == "google":
            if lacks := sign_in_lacks("google", None):
                raise Refused(lacks, connection)
            url = google.authorization_url(
                redirect_uri=back, scopes=scopes, state=state, nonce=nonce, code_challenge=challenge
            )
        else:
            url = microsoft.authorization_url(
                key_of(connection),
                redirect_uri=back,
                scopes=scopes,
                state=state,
                nonce=nonce,
                code_challenge=challenge,
            )
    except AuthorizationLost as error:
        raise Refused(error.reason, connection) from None
    PendingAuthorization.objects.create(
        unit_id=connection.unit_id,
        connection=connection,
        purpose=purpose,
        provider=connection.provider,
        state_hash=hashed(state),
        nonce=nonce,
        code_verifier=verifier,
        redirect_uri=back,
        scopes=scopes,
        user=traveller.user,
        hand_off=traveller.hand_off,
        mode_change=mode_change,
        session_hash=traveller.session_hash,
        created_at=now,
        expires_at=now + LIVES,
    )
    audit.record(
        connection.unit,
        "authorization.begun",
        connection,
        by=traveller.actor,
        now=now,
        purpose=purpose,
    )
    return url


def begun_by_hand_off(state: str) -> bool:
    """Whether this answer belongs to a hand-off link, as somebody may hold both a link and an account."""
    return PendingAuthorization.objects.filter(state_hash=hashed(state), hand_off__isnull=False).exists()


def mode_change_of(state: str) -> ModeChange | None:
    """The change of mode that this answer is about. Says nothing about whether it is to be believed."""
    attempt = PendingAuthorization.objects.filter(state_hash=hashed(state), mode_change__isnull=False)
    attempt = attempt.select_related("mode_change__connection__unit", "mode_change__connection__credential")
    row = attempt.select_related("mode_change__credential").first()
    return row.mode_change if row else None


def claim(state: str, *, provider: str, purposes: set[str], traveller: Traveller, now: datetime):
    """The attempt this answer belongs to, claimed so that no second answer can use it.

    Raises Refused; a stranger's answer claims nothing and is not told whose it was.
    """
    if not state:
        raise Refused("state_missing")
    attempt = (
        PendingAuthorization.objects.select_related("connection__unit", "hand_off", "user", "mode_change")
        .filter(state_hash=hashed(state), provider=provider, purpose__in=purposes)
        .first()
    )
    if attempt is None or not _same_traveller(attempt, traveller):
        raise Refused("state_unknown")
    if attempt.user_id and not _still_allowed(attempt):
        raise Refused("right_lost")
    if attempt.used_at is not None:
        raise Refused("state_used", attempt.connection)
    if attempt.expires_at < now:
        raise Refused("state_late", attempt.connection, attempt.purpose)
    if not PendingAuthorization.objects.filter(pk=attempt.pk, used_at=None).update(used_at=now):
        raise Refused("state_used", attempt.connection)
    if attempt.connection.state == State.DISCONNECTED:
        raise Refused("disconnected_by_admin", attempt.connection)
    if not attempt.connection.unit.works:
        raise Refused("unit_at_rest", attempt.connection)
    if attempt.mode_change is not None and attempt.mode_change.state != ModeChange.State.OPEN:
        raise Refused("change_over", attempt.connection)
    return attempt


def _same_traveller(attempt: PendingAuthorization, traveller: Traveller) -> bool:
    user = traveller.user.pk if traveller.user else None
    hand_off = traveller.hand_off.pk if traveller.hand_off else None
    return (
        hmac.compare_digest(attempt.session_hash, traveller.session_hash)
        and attempt.user_id == user
        and attempt.hand_off_id == hand_off
    )


def _still_allowed(attempt: PendingAuthorization) -> bool:
    """Whether the person may still connect services of the unit, or is still the member whose calendar it is:
    roles are taken while somebody is away."""
    access = access_to(attempt.user, attempt.connection.unit.slug)
    if attempt.purpose == Purpose.PERSONAL:
        return access is not None and access.member.pk == attempt.member_id
    return access is not None and access.may("manage_connections")


def complete_sign_in(
    *, provider: str, state: str, code: str, error: str, traveller: Traveller, now: datetime
) -> CalendarConnection:
    """The administrator came back from the sign-in: bind the connection to the tenant they belong to.

    The tenant comes from the validated ID token alone. Raises Refused, and then nothing has changed.
    """
    purposes = {Purpose.SIGN_IN, Purpose.PROVE_ADMINISTRATOR}
    attempt = claim(state, provider=provider, purposes=purposes, traveller=traveller, now=now)
    connection = attempt.connection
    try:
        if error:
            raise Refused(sign_in_reason(error), connection)
        if not code:
            raise Refused("answer_invalid", connection)
        who = _exchange(attempt, code)
        accept = _approve if attempt.mode_change else _accept
        accept(attempt, who, traveller=traveller, now=now)
    except Refused as refused:
        refuse(attempt, refused.reason, traveller=traveller, now=now)
        refused.purpose = attempt.purpose
        raise
    return connection


def sign_in_reason(error: str) -> str:
    """The reason code for an `error` in the sign-in's answer."""
    return {"access_denied": "sign_in_cancelled", "admin_policy_enforced": "blocked_by_policy"}.get(
        error, "failed_at_provider"
    )


def _exchange(attempt: PendingAuthorization, code: str) -> SignedIn:
    connection = attempt.connection
    session = ProviderSession(connection_id=connection.public_id)
    common = {
        "redirect_uri": attempt.redirect_uri,
        "code_verifier": attempt.code_verifier,
        "nonce": attempt.nonce,
        "session": session,
    }
    try:
        with readable():
            if attempt.provider == "google":
                prove = attempt.purpose == Purpose.PROVE_ADMINISTRATOR
                return google.signed_in(code, prove=prove, granted_more=_has_a_grant, **common)
            return microsoft.signed_in(key_of(connection), code, **common)
    except AuthorizationLost as error:
        raise Refused(error.reason, connection) from None
    except (Unreachable, Throttled):
        raise Refused("provider_down", connection) from None
    except ProviderError:
        raise Refused("answer_invalid", connection) from None


def _has_a_grant(subject: str) -> bool:
    """Whether this person of Google's lets any unit read their calendar by a grant of their own."""
    return PersonalGrant.objects.filter(subject=subject).exclude(state=PersonalGrant.State.WITHDRAWN).exists()


@transaction.atomic
def _accept(attempt: PendingAuthorization, who: SignedIn, *, traveller: Traveller, now: datetime) -> None:
    connection = CalendarConnection.objects.select_for_update(no_key=True).get(pk=attempt.connection_id)
    if connection.state == State.DISCONNECTED:  # while the provider was asked
        raise Refused("disconnected_by_admin", connection)
    if not who.tenant or not who.subject:
        raise Refused("no_organization", connection)
    if connection.tenant and connection.connected_at and connection.tenant != who.tenant:
        raise Refused("wrong_tenant", connection)  # a connection never changes its tenant
    if compare(tuple(attempt.scopes), who.granted_scopes).missing and who.granted_scopes:
        raise Refused("scopes_missing", connection)
    if attempt.purpose == Purpose.PROVE_ADMINISTRATOR and not who.administrator:
        raise Refused("not_an_administrator", connection)
    was_proven = connection.proof == Proof.ADMINISTRATOR and connection.connected_at
    if connection.provider == "microsoft" and was_proven and not who.administrator:
        raise Refused("not_an_administrator", connection)  # nobody stands in for the administrator
    same_tenant = connection.tenant == who.tenant  # then what was proven in this connection still holds
    if not same_tenant:
        connection.domains.update(verified="", verified_at=None)
        connection.consented_at = None
    connection.tenant = who.tenant
    connection.administrator = who.address
    connection.administrator_subject = who.subject
    connection.signed_in_at = now
    connection.sign_in_scopes = list(who.granted_scopes)
    connection.proof = _proof(connection, who, keeps=same_tenant)
    connection.save(
        update_fields=[
            "tenant", "administrator", "administrator_subject", "signed_in_at", "sign_in_scopes", "proof",
            "consented_at",
        ]
    )  # fmt: skip
    if connection.state == State.PENDING:
        explain(connection, "to_grant" if connection.proof else "not_bound")
    connection.checks.filter(name__startswith="probe:").delete()  # they were about somebody else's calendar
    attempt.connection = connection
    for name in who.domains:
        add_domain(connection, name, by=traveller.user, now=now, verified=ConnectionDomain.Verified.DIRECTORY)
    PendingAuthorization.objects.filter(pk=attempt.pk).update(outcome="signed_in")
    audit.record(
        connection.unit,
        "administrator.signed_in",
        connection,
        by=traveller.actor,
        now=now,
        proof=connection.proof,
    )


@transaction.atomic
def _approve(attempt: PendingAuthorization, who: SignedIn, *, traveller: Traveller, now: datetime) -> None:
    """An administrator of the connection's tenant agrees to a change of its mode; nothing of it is touched."""
    connection = attempt.connection
    if not who.tenant or who.tenant != connection.tenant:
        raise Refused("wrong_tenant", connection)
    if not who.administrator:
        raise Refused("not_an_administrator", connection)
    try:
        mode_changes.approved(attempt.mode_change, by=traveller.actor, now=now)
    except NotPossibleNow:
        raise Refused("change_over", connection) from None
    PendingAuthorization.objects.filter(pk=attempt.pk).update(outcome="approved")


def _proof(connection: CalendarConnection, who: SignedIn, *, keeps: bool) -> str:
    """What ties the tenant to this unit after this sign-in.

    A key that several units share proves nothing: consent given to it for another unit would count here too.
    """
    if who.administrator:
        return Proof.ADMINISTRATOR
    if connection.credential_id is not None:
        return Proof.OWN_KEY
    return connection.proof if keeps else Proof.NONE


def complete_consent(
    *,
    state: str,
    tenant: str,
    consented: bool,
    error: str,
    description: str,
    traveller: Traveller,
    now: datetime,
) -> CalendarConnection:
    """An administrator came back from Microsoft's consent page.

    `error` is looked at first, since it also comes together with `admin_consent=True`; `tenant` is only a
    hint and must equal the one of the sign-in. Raises Refused.
    """
    attempt = claim(
        state, provider="microsoft", purposes={Purpose.ADMIN_CONSENT}, traveller=traveller, now=now
    )
    connection = attempt.connection
    try:
        if error:
            raise Refused(microsoft.consent_outcome(error, description), connection)
        if not consented:
            raise Refused("declined", connection)
        if tenant != connection.tenant:
            raise Refused("wrong_tenant", connection)
        _consented(attempt, traveller=traveller, now=now)
    except Refused as refused:
        refuse(attempt, refused.reason, traveller=traveller, now=now)
        refused.purpose = attempt.purpose
        raise
    return connection


@transaction.atomic
def _consented(attempt: PendingAuthorization, *, traveller: Traveller, now: datetime) -> None:
    """Note that an administrator agreed: for the connection, or only for what it may become."""
    connection = attempt.connection
    PendingAuthorization.objects.filter(pk=attempt.pk).update(outcome="consented")
    if attempt.mode_change is not None:
        try:
            mode_changes.consented(attempt.mode_change, by=traveller.actor, now=now)
        except NotPossibleNow:
            raise Refused("change_over", connection) from None
    else:
        CalendarConnection.objects.filter(pk=connection.pk).update(consented_at=now)
        connection.consented_at = now
        audit.record(connection.unit, "consent.returned", connection, by=traveller.actor, now=now)


@transaction.atomic
def refuse(attempt: PendingAuthorization, reason: str, *, traveller: Traveller, now: datetime) -> None:
    """Write down that an attempt had no effect."""
    PendingAuthorization.objects.filter(pk=attempt.pk).update(outcome=reason)
    audit.record(
        attempt.connection.unit,
        "authorization.refused",
        attempt.connection,
        by=traveller.actor,
        now=now,
        reason=reason,
        purpose=attempt.purpose,
    )


def forget_old_attempts(*, now: datetime) -> None:
    """Drop attempts that ended or expired more than 14 days ago."""
    PendingAuthorization.objects.filter(expires_at__lt=now - timedelta(days=14)).delete()
