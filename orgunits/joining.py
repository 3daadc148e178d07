"""Accepting an invitation: whose the address is, and how the person becomes a member who can sign in.

The mailed link proves the invited address. It never opens somebody else's sign-in, and nobody joins without
pressing a button.
"""

from datetime import datetime

from allauth.account.models import EmailAddress
from django.contrib.sessions.backends.base import SessionBase
from django.db import IntegrityError, transaction
from django.db.models import Q

from . import audit, identity, invitations, roles
from .invitations import NotOpen, State
from .models import Invitation, Member, OrganizationalUnit, User

SESSION_KEY = "invitation"  # the link that somebody is on the way with to Google or Microsoft


class AddressOfAnother(Exception):
    """The invited address belongs to another sign-in."""


class NotTheirs(Exception):
    """The sign-in does not have the invited address."""


class AlreadyHere(Exception):
    """The sign-in is a member of this unit already, with another address."""


def has_address(user: User, email: str) -> bool:
    """Whether `email` is a verified address of this sign-in."""
    return EmailAddress.objects.filter(user=user, email=email, verified=True).exists()


def owner_of(email: str) -> User | None:
    """The sign-in that has this address: verified, or as the name it signs in with."""
    verified = Q(emailaddress__email=email, emailaddress__verified=True)
    return User.objects.filter(Q(email=email) | verified).order_by("pk").first()


def carried_by(session: SessionBase, *, now: datetime) -> Invitation | None:
    """The invitation with which this session may make a new sign-in elsewhere, while it is usable."""
    invitation = invitations.found(session.get(SESSION_KEY, ""))
    if invitation is None or invitations.problem(invitation, now=now) or owner_of(invitation.email):
        return None
    return invitation


@transaction.atomic
def add_address(invitation: Invitation, user: User) -> None:
    """Make the invited address one of `user`'s: the mailed link has proved it. Raises AddressOfAnother."""
    owner = owner_of(invitation.email)
    if owner is not None and owner != user:
        raise AddressOfAnother
    try:
        with transaction.atomic():
            EmailAddress.objects.update_or_create(
                user=user,
                email=invitation.email,
                defaults={"verified": True},
                create_defaults={
                    "verified": True,
                    "primary": not EmailAddress.objects.filter(user=user, primary=True).exists(),
                },
            )
    except IntegrityError:
        raise AddressOfAnother from None


@transaction.atomic
def sign_up(
    invitation: Invitation, password: str, *, given_name: str, family_name: str, now: datetime
) -> User:
    """A new sign-in with the invited address, which the mailed link has proved, joins at once.

    Raises AddressOfAnother, NotOpen.
    """
    if owner_of(invitation.email) is not None:
        raise AddressOfAnother
    try:
        with transaction.atomic():
            user = User.objects.create_user(
                invitation.email,
                password,
                first_name=given_name,
                last_name=family_name,
                time_zone=invitation.member.time_zone,
            )
            EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    except IntegrityError:
        raise AddressOfAnother from None
    accept(invitation, user, now=now)
    return user


@transaction.atomic
def accept(invitation: Invitation, user: User, *, now: datetime) -> Member:
    """The person joins: active, with the roles they were invited with. Of two at once, one wins.

    Raises NotTheirs, AlreadyHere, NotOpen.
    """
    OrganizationalUnit.objects.select_for_update(no_key=True).get(pk=invitation.unit_id)
    User.objects.select_for_update(no_key=True).get(pk=user.pk)  # nobody erases the sign-in meanwhile
    if not has_address(user, invitation.email):
        raise NotTheirs
    invitation.unit.refresh_from_db(fields=["state"])
    member = invitation.member
    member.refresh_from_db()
    if why := invitations.problem(invitation, now=now):
        raise NotOpen(why)
    invitations.move(
        invitation, State.ACCEPTED, (State.PENDING,), Q(expires_at__gt=now), now=now, next_try_at=None
    )
    before = member.state
    changes = {"user": user}
    if before == Member.State.INVITED:
        changes |= {"state": Member.State.ACTIVE, "state_since": now}
    try:
        with transaction.atomic():
            joined = Member.objects.filter(pk=member.pk, user=None, state=before).update(**changes)
    except IntegrityError:
        raise AlreadyHere from None
    if not joined:
        raise NotOpen(State.ACCEPTED)
    member.refresh_from_db()
    roles.apply_grants(member)
    if member.email == invitation.email:
        identity.proved_by_joining(member, now=now)
    audit.record(
        invitation.unit, "member.joined", member, by=user, now=now, before={"state": before},
        after={"state": member.state}, invitation=invitation.public_id,
    )  # fmt: skip
    return member
