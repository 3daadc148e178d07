"""The life of an invitation: invited, mailed, accepted by the person themselves; or refused, expired, revoked.

    pending  -> accepted, refused, expired, revoked
    refused  -> pending (sent again), revoked
    expired  -> pending (sent again), revoked

An address alone makes nobody a member with rights: the mailed link, opened by its reader, does.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.urls import reverse

from . import access, audit, jobs, mail, memberships, roles
from .models import Invitation, Member, OrganizationalUnit, User
from .names import normal_address, sort_key

State = Invitation.State
SENDABLE = (State.PENDING, State.REFUSED, State.EXPIRED)  # what "send again" takes
A_DAY = 5  # how often a day one invitation is sent again, whoever asks
HANDED_OUT = timedelta(minutes=15)
AT_ONCE = 500  # rows of one run of a job

_signer = signing.Signer(salt="orgunits.invitation")


class UnitNotActive(Exception):
    """In a paused or archived unit nobody is invited and nothing is sent."""


class AlreadyMember(Exception):
    """Somebody with this address is a member and can sign in, or is suspended."""


class AlreadyInvited(Exception):
    """This address has an invitation already; it can be sent again."""


class TooOften(Exception):
    """The invited address has had enough mails for one day."""


class NotOpen(Exception):
    """The invitation cannot be used, sent or revoked. `problem`: accepted, expired, revoked, refused, closed."""

    def __init__(self, problem: str):
        self.problem = problem
        super().__init__(problem)


@transaction.atomic
def invite(
    unit: OrganizationalUnit, address: str, *, role: str, by: User, now: datetime, **about: str
) -> Invitation:
    """Put `address` on the list as an invited member with `role`, and have the invitation mailed.

    Who is a member without a sign-in, as people from a directory are, stays active and gets the invitation to
    sign in. `about`: given_name, family_name, department, time_zone. Raises UnitNotActive, AlreadyMember,
    AlreadyInvited, roles.NotGrantable. Whether `by` may give the role is asked before (roles.may_grant).
    """
    locked = OrganizationalUnit.objects.select_for_update(no_key=True).get(pk=unit.pk)
    if locked.state != OrganizationalUnit.State.ACTIVE:
        raise UnitNotActive
    email = normal_address(address)
    member = unit.members.filter(email=email, state__in=memberships.HERE).first()
    if member is None:
        member = Member(
            unit=unit,
            email=email,
            state=Member.State.INVITED,
            state_since=now,
            came_by=Member.CameBy.INVITATION,
        )
        if about.get("time_zone"):
            about["time_zone_source"] = Member.Source.HAND
        else:
            about["time_zone"] = unit.default_time_zone
        for name, value in about.items():
            setattr(member, name, value)
        member.save()
    elif member.user_id is not None or member.state == Member.State.SUSPENDED:
        raise AlreadyMember
    elif member.invitations.filter(state__in=SENDABLE).exists():
        raise AlreadyInvited
    invitation = _opened(member, by=by, now=now)
    audit.record(unit, "member.invited", member, by=by, now=now, role=role, invitation=invitation.public_id)
    roles.grant_role(member, role, by=by, now=now)
    jobs.enqueue_invitation(invitation)
    return invitation


@transaction.atomic
def send_link_to_sign_in(member: Member, *, by: User, now: datetime) -> Invitation:
    """Mail an active member without a sign-in, as people from a directory are, the way in. Roles stay as they are.

    Raises UnitNotActive, AlreadyMember, AlreadyInvited.
    """
    locked = OrganizationalUnit.objects.select_for_update(no_key=True).get(pk=member.unit_id)
    member.refresh_from_db(fields=["state", "user", "email"])
    if locked.state != OrganizationalUnit.State.ACTIVE:
        raise UnitNotActive
    if member.state != Member.State.ACTIVE or member.user_id is not None:
        raise AlreadyMember
    if member.invitations.filter(state__in=SENDABLE).exists():
        raise AlreadyInvited
    invitation = _opened(member, by=by, now=now)
    audit.record(member.unit, "member.invited", member, by=by, now=now, invitation=invitation.public_id)
    jobs.enqueue_invitation(invitation)
    return invitation


def _opened(member: Member, *, by: User, now: datetime) -> Invitation:
    return Invitation.objects.create(
        unit=member.unit,
        member=member,
        email=member.email,
        invited_by=by,
        created_at=now,
        state_since=now,
        expires_at=_end(now),
    )


def _end(now: datetime) -> datetime:
    return now + timedelta(days=settings.INVITATION_DAYS)


def token(invitation: Invitation) -> str:
    """What the link holds: the same however often the invitation is sent."""
    return _signer.sign(invitation.public_id)


def link(invitation: Invitation) -> str:
    """The address of the page that asks whether to join."""
    return settings.PORTAL_URL + reverse("invitation", args=[token(invitation)])


def found(given: str) -> Invitation | None:
    """The invitation that this link leads to, in whatever state; None for a made-up one."""
    try:
        public_id = _signer.unsign(given)
    except signing.BadSignature:
        return None
    rows = Invitation.objects.select_related("unit", "member__user", "invited_by")
    return rows.filter(public_id=public_id).first()


def problem(invitation: Invitation, *, now: datetime) -> str:
    """Why the invitation cannot be accepted now; empty when it can."""
    return _over(invitation, now=now) or (State.REVOKED if _left_behind(invitation) else "")


def _over(invitation: Invitation, *, now: datetime) -> str:
    if invitation.state == State.PENDING and invitation.expires_at <= now:
        return State.EXPIRED
    if invitation.state != State.PENDING:
        return invitation.state
    if invitation.member.state == Member.State.REMOVED:
        return State.REVOKED
    if invitation.member.state == Member.State.SUSPENDED or invitation.unit.state in access.CLOSED:
        return "closed"
    return ""


def _left_behind(invitation: Invitation) -> bool:
    """Whether it makes an Ops Admin and who invited may no longer do so: nobody keeps a way in after their role
    has ended. Somebody else sends it again, in their own name."""
    powerful = invitation.member.role_grants.filter(role=roles.OPS_ADMIN.code).exists()
    return powerful and not access.user_may(invitation.invited_by, invitation.unit, "manage_members")


def send(invitation_id: int, *, now: datetime) -> None:
    """Mail one invitation, as often as it was asked for. Running it again mails nothing twice.

    The row stays locked meanwhile: only a crash between the mail server's "taken" and our commit sends one
    mail twice. Who asked must still be allowed to; otherwise the invitation is revoked.
    """
    unwanted = _try(invitation_id, now=now)
    if unwanted is not None:
        with suppress(NotOpen):  # accepted or revoked in the meantime
            revoke(unwanted, by=None, now=now)


def _try(invitation_id: int, *, now: datetime) -> Invitation | None:
    """Hand one mail over, if it is still to be sent; the invitation when who asked for it no longer may."""
    with transaction.atomic():
        invitation = (
            Invitation.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("unit", "member", "invited_by")
            .filter(pk=invitation_id, sends_done__lt=F("sends_asked"))
            .first()
        )
        active = invitation is not None and invitation.unit.state == OrganizationalUnit.State.ACTIVE
        if not active or _over(invitation, now=now):
            return None
        if not access.user_may(invitation.invited_by, invitation.unit, "manage_members"):
            return invitation
        try:
            mail.send("invitation", invitation.email, zone=_zone(invitation), **_words(invitation))
        except mail.Refused as refusal:
            move(invitation, State.REFUSED, (State.PENDING,), now=now, refusal=str(refusal), next_try_at=None)
            audit.record(
                invitation.unit, "invitation.refused", invitation.member, by=None, now=now,
                invitation=invitation.public_id,
            )  # fmt: skip
        except mail.NotNow as why:
            Invitation.objects.filter(pk=invitation.pk).update(
                refusal=str(why)[:200],
                attempts=F("attempts") + 1,
                next_try_at=now + mail.wait(invitation.attempts),
            )
        else:
            Invitation.objects.filter(pk=invitation.pk).update(
                sends_done=invitation.sends_asked, sent_at=now, refusal="", attempts=0, next_try_at=None
            )
    return None


def _zone(invitation: Invitation) -> str:
    return invitation.unit.default_time_zone


def _words(invitation: Invitation) -> dict:
    """What the mail says; names on one line, whatever people entered."""
    return {
        "who": mail.one_line(str(invitation.invited_by)),
        "unit": mail.one_line(invitation.unit.name),
        "role": " / ".join(role_names(invitation)),
        "until": invitation.expires_at,
        "page": link(invitation),
    }


def role_names(invitation: Invitation) -> list[str]:
    """The roles that joining brings, as people call them."""
    held = sorted(invitation.member.role_grants.all(), key=lambda grant: grant.pk)
    return [str(roles.ROLES[role].name) for role in dict.fromkeys(grant.role for grant in held)]


def due(*, now: datetime) -> list[int]:
    """Invitations whose mail should be tried now, in units that are active: the server did not take it, or the
    unit was paused, or a job was lost. Each is handed out once in `HANDED_OUT`.
    """
    lost = Q(next_try_at=None, state_since__lt=now - HANDED_OUT)
    rows = Invitation.objects.filter(
        Q(next_try_at__lte=now) | lost,
        state=State.PENDING,
        expires_at__gt=now,
        sends_done__lt=F("sends_asked"),
        unit__state=OrganizationalUnit.State.ACTIVE,
    )
    found = list(rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    Invitation.objects.filter(pk__in=found).update(next_try_at=now + HANDED_OUT)
    return found


@transaction.atomic
def resend(invitation: Invitation, *, by: User, now: datetime) -> None:
    """Mail the same link again, valid from now on. Raises UnitNotActive, NotOpen, TooOften."""
    if invitation.unit.state != OrganizationalUnit.State.ACTIVE:
        raise UnitNotActive
    if invitation.member.state not in (Member.State.INVITED, Member.State.ACTIVE):
        raise NotOpen(State.REVOKED)
    told = invitation.unit.audit_events.filter(verb="invitation.sent_again", at__gt=now - timedelta(days=1))
    if told.filter(subject=invitation.member.public_id).count() >= A_DAY:
        raise TooOften
    move(
        invitation,
        State.PENDING,
        SENDABLE,
        now=now,
        invited_by=by,
        expires_at=_end(now),
        sends_asked=F("sends_done") + 1,
        refusal="",
        attempts=0,
        next_try_at=None,
    )
    audit.record(
        invitation.unit, "invitation.sent_again", invitation.member, by=by, now=now,
        invitation=invitation.public_id,
    )  # fmt: skip
    jobs.enqueue_invitation(invitation)


@transaction.atomic
def revoke(invitation: Invitation, *, by: User | None, now: datetime) -> None:
    """The link opens nothing any more; who had not joined is removed, with the roles the invitation brought.

    A member without a sign-in stays what they were. Raises NotOpen. The unit is locked first, as joining does:
    the two wait for each other and never in a circle.
    """
    OrganizationalUnit.objects.select_for_update(no_key=True).get(pk=invitation.unit_id)
    move(invitation, State.REVOKED, SENDABLE, now=now, next_try_at=None)
    member = invitation.member
    audit.record(
        invitation.unit, "invitation.revoked", member, by=by, now=now, invitation=invitation.public_id
    )
    if member.state == Member.State.INVITED:
        memberships.remove_member(member, by=by, now=now)
        return
    for grant in member.role_grants.filter(granted_at=invitation.created_at, application=None):
        roles.revoke_role(member, grant.role, by=by, now=now)


def expire(*, now: datetime) -> int:
    """End the invitations whose time is over; answers how many."""
    rows = Invitation.objects.filter(state=State.PENDING, expires_at__lte=now).select_related(
        "unit", "member"
    )
    ended = 0
    for invitation in rows.order_by("expires_at")[:AT_ONCE]:
        with transaction.atomic():
            still = Q(expires_at__lte=now)
            try:
                move(invitation, State.EXPIRED, (State.PENDING,), still, now=now, next_try_at=None)
            except NotOpen:
                continue
            audit.record(
                invitation.unit, "invitation.expired", invitation.member, by=None, now=now,
                invitation=invitation.public_id,
            )  # fmt: skip
            ended += 1
    return ended


def move(
    invitation: Invitation, target: str, allowed: Iterable[str], *also: Q, now: datetime, **changes
) -> None:
    """One guarded UPDATE; who loses the race gets NotOpen with the state that won."""
    rows = Invitation.objects.filter(*also, pk=invitation.pk, state__in=allowed)
    moved = rows.update(state=target, state_since=now, **changes)
    invitation.refresh_from_db(fields=["state", "state_since", "expires_at", "sends_asked", *changes])
    if not moved:
        raise NotOpen(invitation.state)


def of_unit(unit: OrganizationalUnit, *, state: str = "", q: str = "") -> QuerySet[Invitation]:
    """The unit's invitations, those of removed members left out while they wait; narrowed to a state and to a
    part of address or name."""
    rows = unit.invitations.exclude(member__state=Member.State.REMOVED, state=State.PENDING)
    if state:
        rows = rows.filter(state=state)
    if q:
        rows = rows.filter(
            Q(email__contains=normal_address(q)) | Q(member__sort_key__contains=sort_key(q.strip()))
        )
    return rows.select_related("member", "invited_by").prefetch_related("member__role_grants")
