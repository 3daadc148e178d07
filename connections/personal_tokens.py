"""Access tokens of members' own authorizations: refreshed under the lock of their row, written before they are used.

RFC 9700 §4.14: a refresh token may rotate with each use, and the answer that carries the new one may be lost. So one
worker at a time refreshes, the new refresh token is committed before its access token is handed out, and the one
before is kept until the new one worked once.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from orgunits import audit
from orgunits.models import Member

from .models import CalendarConnection, Mailbox, PersonalGrant
from .providers.base import GrantLost, MailboxError, ProviderError, Throttled, Unreachable
from .providers.google import personal as google
from .providers.http import ProviderSession

State = PersonalGrant.State


def access_token(grant: PersonalGrant, *, now: datetime, refused: str = "") -> str:
    """A token that still lives two minutes from now. The main thread asks; threads that read are given it.

    `refused`: an access token that the provider no longer takes, so that it is not handed out again.
    Raises MailboxError when the authorization is over (`grant_lost`) or the Workspace blocks us, Throttled,
    Unreachable, Unreadable, AuthorizationLost when the provider refuses the installation's client.
    """
    with transaction.atomic():
        row = PersonalGrant.objects.select_for_update(no_key=True).filter(pk=grant.pk).first()
        if row is None or row.state != State.ACTIVE:
            raise MailboxError(Mailbox.Failure.GRANT_LOST, "no grant")
        if _lives(row, now=now) and row.access_token != refused:
            return row.access_token
        try:
            _refresh(row, now=now)
        except GrantLost as error:
            _lose(row, error.code, now=now)
    if row.state != State.ACTIVE:
        raise MailboxError(Mailbox.Failure.GRANT_LOST, "invalid_grant")
    return row.access_token


def _lives(row: PersonalGrant, *, now: datetime) -> bool:
    """Whether its access token need not be renewed."""
    return bool(row.access_token) and row.access_token_ends_at > now


def _refresh(row: PersonalGrant, *, now: datetime) -> None:
    """Ask with the refresh token, once more when it is refused, and with the one before. Raises GrantLost."""
    session = ProviderSession(connection_id=row.connection.public_id)
    tries = [row.refresh_token, row.refresh_token, *filter(None, [row.previous_refresh_token])]
    for number, used in enumerate(tries, start=1):
        try:
            answer = google.refresh(used, session=session, now=now)
        except GrantLost:
            if number == len(tries):
                raise
            continue
        # The one that worked is kept while a new one has not worked yet.
        row.previous_refresh_token = used if answer.refresh_token else ""
        row.refresh_token = answer.refresh_token or used
        row.access_token, row.access_token_ends_at = answer.access_token, answer.expires_at
        row.refreshed_at = now
        row.save(
            update_fields=[
                "refresh_token", "previous_refresh_token", "access_token", "access_token_ends_at", "refreshed_at",
            ]
        )  # fmt: skip
        return


def _lose(row: PersonalGrant, code: str, *, now: datetime) -> None:
    """The provider says twice that it is over: only the member can renew it. What is left of it is forgotten."""
    row.state, row.state_since = State.NEEDS_REAUTHORIZATION, now
    row.refresh_token = row.previous_refresh_token = row.access_token = ""
    row.access_token_ends_at = None
    row.save(
        update_fields=[
            "state", "state_since", "refresh_token", "previous_refresh_token", "access_token", "access_token_ends_at",
        ]
    )  # fmt: skip
    audit.record(
        row.unit,
        "personal.lost",
        row.member,
        by=None,
        now=now,
        connection=row.connection.public_id,
        code=code,
    )


@dataclass(frozen=True)
class Tokens:
    """The tokens of one job, by address, and why others have none. Threads read it and touch no row."""

    held: dict[str, str]
    grants: dict[str, PersonalGrant]
    lacking: dict[str, ProviderError]


def tokens_for(connection: CalendarConnection, members: list[Member], *, now: datetime) -> Tokens:
    """A token for each of `members` who authorized, and for the others what keeps them from having one."""
    rows = connection.personal_grants.filter(member__in=members).select_related(
        "unit", "connection", "member"
    )
    grants = {row.member_id: row for row in rows}
    tokens = Tokens({}, {}, {})
    down: ProviderError | None = None  # nobody answers: the others are not waited for one by one
    for member in members:
        grant = grants.get(member.pk)
        try:
            if grant is None or grant.state == State.WITHDRAWN:
                raise MailboxError(Mailbox.Failure.NOT_GRANTED, "no grant")
            if down is not None and not _lives(grant, now=now):
                raise down
            tokens.held[member.email] = access_token(grant, now=now)
            tokens.grants[member.email] = grant
        except ProviderError as error:
            if isinstance(error, Unreachable | Throttled):
                down = error
            tokens.lacking[member.email] = error
    return tokens
