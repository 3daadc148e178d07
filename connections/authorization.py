"""Trips to a provider's sign-in and consent pages: begun here, and completed here by what comes back.

What comes back in the browser is matched with its attempt (`connections/attempts.py`) and is only a hint; who signed
in is read from a validated ID token.
"""

from datetime import datetime

from django.db import transaction

from orgunits import audit

from . import attempts, mode_changes
from .attempts import Purpose, Refused, Traveller, claim, redirect_uri, refuse
from .credentials import key_of, sign_in_lacks
from .domains import add_domain
from .models import (
    Connection,
    ConnectionDomain,
    ModeChange,
    PendingAuthorization,
    PersonalGrant,
)
from .modes import compare
from .providers.base import AuthorizationLost, ProviderError, SignedIn, Throttled, Unreachable, readable
from .providers.google import oauth as google
from .providers.http import ProviderSession
from .providers.microsoft import oauth as microsoft
from .states import NotPossibleNow, State, explain

Proof = Connection.Proof


@transaction.atomic
def begin(
    connection: Connection,
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
    attempts.must_be_open(connection)
    if mode_change is not None and mode_change.state != ModeChange.State.OPEN:
        raise Refused("change_over", connection)
    instead = mode_changes.instead(mode_change) if mode_change else None
    fresh = attempts.Secrets.fresh()
    scopes = list(connection.scopes.sign_in)
    if purpose == Purpose.PROVE_ADMINISTRATOR and connection.provider == "google":
        scopes += google.PROOF_SCOPES
    consent = purpose == Purpose.ADMIN_CONSENT
    back = redirect_uri(f"{connection.provider}-consent" if consent else connection.provider)
    try:
        if consent:
            if not connection.tenant:
                raise Refused("not_signed_in", connection)
            url = microsoft.admin_consent_url(
                key_of(connection, instead=instead),
                tenant=connection.tenant,
                redirect_uri=back,
                state=fresh.state,
            )
            scopes = [microsoft.DEFAULT_SCOPE]
        elif connection.provider == "google":
            if lacks := sign_in_lacks("google", None):
                raise Refused(lacks, connection)
            url = google.authorization_url(redirect_uri=back, scopes=scopes, **fresh.for_address)
        else:
            url = microsoft.authorization_url(
                key_of(connection),
                redirect_uri=back,
                scopes=scopes,
                **fresh.for_address,
            )
    except AuthorizationLost as error:
        raise Refused(error.reason, connection) from None
    attempts.write_down(
        connection,
        fresh,
        purpose=purpose,
        redirect_uri=back,
        scopes=scopes,
        traveller=traveller,
        now=now,
        mode_change=mode_change,
    )
    return url


def complete_sign_in(
    *, provider: str, state: str, code: str, error: str, traveller: Traveller, now: datetime
) -> Connection:
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
    connection = Connection.objects.select_for_update(no_key=True).get(pk=attempt.connection_id)
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


def _proof(connection: Connection, who: SignedIn, *, keeps: bool) -> str:
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
) -> Connection:
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
        Connection.objects.filter(pk=connection.pk).update(consented_at=now)
        connection.consented_at = now
        audit.record(connection.unit, "consent.returned", connection, by=traveller.actor, now=now)
