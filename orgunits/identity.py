"""Whether an address belongs to the member it stands for, where no provider vouches for it: asked by mail.

    unverified -> pending (asked) -> verified, expired
    expired -> pending (asked again)
    pending -> unverified (the mail server refused the address)
    any -> unverified (the address changed)

The link confirms one address of one member, once, and only when its reader presses a button.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import F, Q
from django.urls import reverse

from . import access, audit, jobs, mail
from .models import IdentityConfirmation, Member, OrganizationalUnit, User

State = IdentityConfirmation.State
Identity = Member.Identity
VALID = timedelta(days=7)
A_DAY = 3  # at most so many questions to one member in a day
HANDED_OUT = timedelta(minutes=15)
AT_ONCE = 500  # rows of one run of a job

_signer = signing.Signer(salt="orgunits.identity")


class NotAskable(Exception):
    """Nobody is asked. `problem`: verified (already), inactive (the member or the unit), often (asked enough)."""

    def __init__(self, problem: str):
        self.problem = problem
        super().__init__(problem)


class NotOpen(Exception):
    """The question is answered or over. `problem`: confirmed, expired, replaced."""

    def __init__(self, problem: str):
        self.problem = problem
        super().__init__(problem)


@transaction.atomic
def ask(member: Member, *, by: User, now: datetime) -> IdentityConfirmation:
    """Mail the member a link that confirms their address; an older question ends with it. Raises NotAskable."""
    member = Member.objects.select_for_update(of=("self",)).select_related("unit").get(pk=member.pk)
    if member.state != Member.State.ACTIVE or member.unit.state != OrganizationalUnit.State.ACTIVE:
        raise NotAskable("inactive")
    if member.identity == Identity.VERIFIED:
        raise NotAskable("verified")
    if member.identity_confirmations.filter(asked_at__gt=now - timedelta(days=1)).count() >= A_DAY:
        raise NotAskable("often")
    _replace(member, now=now)
    confirmation = IdentityConfirmation.objects.create(
        unit=member.unit,
        member=member,
        email=member.email,
        asked_by=by,
        asked_at=now,
        state_since=now,
        expires_at=now + VALID,
    )
    _set(member, Identity.PENDING, now=now)
    audit.record(member.unit, "identity.asked", member, by=by, now=now, confirmation=confirmation.public_id)
    jobs.enqueue_confirmation(confirmation)
    return confirmation


def _replace(member: Member, *, now: datetime) -> None:
    rows = member.identity_confirmations.filter(state=State.PENDING)
    rows.update(state=State.REPLACED, state_since=now, next_try_at=None)


def _set(member: Member, identity: str, *, now: datetime, only_from: str = "") -> bool:
    """The one place that writes a member's identity; answers whether it did."""
    rows = Member.objects.filter(pk=member.pk)
    if only_from:
        rows = rows.filter(identity=only_from)
    return bool(rows.update(identity=identity, identity_since=now))


def token(confirmation: IdentityConfirmation) -> str:
    """What the link holds."""
    return _signer.sign(confirmation.public_id)


def link(confirmation: IdentityConfirmation) -> str:
    return settings.PORTAL_URL + reverse("confirm_identity", args=[token(confirmation)])


def found(given: str) -> IdentityConfirmation | None:
    """The question that this link answers, in whatever state; None for a made-up one."""
    try:
        public_id = _signer.unsign(given)
    except signing.BadSignature:
        return None
    rows = IdentityConfirmation.objects.select_related("unit", "member", "asked_by")
    return rows.filter(public_id=public_id).first()


def problem(confirmation: IdentityConfirmation, *, now: datetime) -> str:
    """Why the question cannot be answered now; empty when it can."""
    if confirmation.state == State.PENDING and confirmation.expires_at <= now:
        return State.EXPIRED
    if confirmation.state != State.PENDING:
        return confirmation.state
    gone = confirmation.member.state != Member.State.ACTIVE or confirmation.unit.state in access.CLOSED
    return State.EXPIRED if gone or confirmation.member.email != confirmation.email else ""


@transaction.atomic
def confirm(confirmation: IdentityConfirmation, *, now: datetime) -> None:
    """The reader of the mail says that the address is theirs. Raises NotOpen; of two at once, one wins."""
    Member.objects.select_for_update(of=("self",)).get(
        pk=confirmation.member_id
    )  # as whoever changes it does
    confirmation.member.refresh_from_db()
    if why := problem(confirmation, now=now):
        raise NotOpen(why)
    rows = IdentityConfirmation.objects.filter(pk=confirmation.pk, state=State.PENDING, expires_at__gt=now)
    if not rows.update(state=State.CONFIRMED, state_since=now, next_try_at=None):
        raise NotOpen(State.CONFIRMED)
    member = confirmation.member
    _set(member, Identity.VERIFIED, now=now)
    audit.record(
        confirmation.unit, "identity.confirmed", member, by=member, now=now,
        confirmation=confirmation.public_id,
    )  # fmt: skip


@transaction.atomic
def proved_by_joining(member: Member, *, now: datetime) -> None:
    """Who joined by the link mailed to their address has shown the same as a confirmation shows."""
    _replace(member, now=now)
    _set(member, Identity.VERIFIED, now=now)


@transaction.atomic
def forget(member: Member, *, now: datetime) -> None:
    """The address changed: what was shown about the old one says nothing, and links mailed to it end."""
    _replace(member, now=now)
    _set(member, Identity.UNVERIFIED, now=now)


def send(confirmation_id: int, *, now: datetime) -> None:
    """Mail one question. Running it again mails nothing twice, save for a crash between the mail server's
    "taken" and our commit. Who asked must still be allowed to.
    """
    with transaction.atomic():
        row = (
            IdentityConfirmation.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("unit", "member", "asked_by")
            .filter(pk=confirmation_id, sent_at=None)
            .first()
        )
        if row is None or row.unit.state != OrganizationalUnit.State.ACTIVE or problem(row, now=now):
            return
        own = row.asked_by is not None and row.asked_by_id == row.member.user_id
        if not own and not access.user_may(row.asked_by, row.unit, "manage_members"):
            _end(row, State.EXPIRED, Identity.UNVERIFIED, now=now)
            return
        zone = row.unit.default_time_zone
        words = {
            "who": mail.one_line(str(row.asked_by)),
            "unit": mail.one_line(row.unit.name),
            "until": row.expires_at,
            "page": link(row),
        }
        rows = IdentityConfirmation.objects.filter(pk=row.pk)
        try:
            mail.send("confirm_identity", row.email, zone=zone, **words)
        except mail.Refused as refusal:
            rows.update(refusal=str(refusal)[:200])
            _end(row, State.EXPIRED, Identity.UNVERIFIED, now=now)
        except mail.NotNow as why:
            rows.update(
                refusal=str(why)[:200], attempts=F("attempts") + 1, next_try_at=now + mail.wait(row.attempts)
            )
        else:
            rows.update(sent_at=now, refusal="", next_try_at=None)


def due(*, now: datetime) -> list[int]:
    """Questions whose mail should be tried now; each is handed out once in `HANDED_OUT`."""
    lost = Q(next_try_at=None, asked_at__lt=now - HANDED_OUT)
    rows = IdentityConfirmation.objects.filter(
        Q(next_try_at__lte=now) | lost,
        state=State.PENDING,
        sent_at=None,
        expires_at__gt=now,
        unit__state=OrganizationalUnit.State.ACTIVE,
    )
    found = list(rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    IdentityConfirmation.objects.filter(pk__in=found).update(next_try_at=now + HANDED_OUT)
    return found


def expire(*, now: datetime) -> int:
    """End the questions that nobody answered in time; answers how many."""
    rows = IdentityConfirmation.objects.filter(state=State.PENDING, expires_at__lte=now)
    return sum(
        _end(row, State.EXPIRED, Identity.EXPIRED, now=now)
        for row in rows.select_related("unit", "member").order_by("expires_at")[:AT_ONCE]
    )


@transaction.atomic
def _end(row: IdentityConfirmation, state: str, identity: str, *, now: datetime) -> bool:
    rows = IdentityConfirmation.objects.filter(pk=row.pk, state=State.PENDING)
    if not rows.update(state=state, state_since=now, next_try_at=None):
        return False
    _set(row.member, identity, now=now, only_from=Identity.PENDING)
    audit.record(
        row.unit, "identity.expired", row.member, by=None, now=now, confirmation=row.public_id,
        identity=identity,
    )  # fmt: skip
    return True
