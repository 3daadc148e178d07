"""Erasing a person and keeping the log: what happened stays told, who it was is no longer to be found out."""

from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from . import audit
from .memberships import WrongState
from .models import AuditEvent, AuditName, AuditReason, Member, User

SLICE = 200  # members of one job
NOBODY = "erased.invalid"  # RFC 2606: never a domain of anybody


@transaction.atomic
def erase_member(member: Member, *, by: User | None, now: datetime, why: str = "") -> None:
    """Make a removed member nobody: address, name, settings, grants and what was written about them go.

    The row stays, because events name its id. A sign-in that belongs to no other membership goes with it.
    Raises WrongState where the member is not removed, or erased before.
    """
    row = Member.objects.select_for_update(of=("self",)).select_related("user").get(pk=member.pk)
    if row.state != Member.State.REMOVED or row.erased_at is not None:
        raise WrongState
    user, row.user = row.user, None
    blank = Member(unit=row.unit, public_id=row.public_id, email=f"{row.public_id}@{NOBODY}")
    for field in (
        "email",
        "given_name",
        "family_name",
        "department",
        "time_zone",
        "time_zone_source",
        "working_hours",
        "working_hours_source",
        "identity",
        "last_seen_on",
    ):
        setattr(row, field, getattr(blank, field))
    row.erased_at = now
    row.save()
    row.role_grants.all().delete()
    row.invitations.all().delete()
    row.identity_confirmations.all().delete()
    audit.record(row.unit, "member.erased", row, by=by, now=now, why=why)
    _forget_words(row)
    if user is not None:
        erase_unless_needed(user)
    member.refresh_from_db()


def _forget_words(member: Member) -> None:
    """The name the log had for them, and reasons people wrote for what was done to them."""
    AuditName.objects.filter(subject=member.public_id).delete()
    events = AuditEvent.objects.filter(unit=member.unit_id, subject=member.public_id)
    AuditReason.objects.filter(event__in=events.values("public_id")).delete()


@transaction.atomic
def erase_unless_needed(user: User) -> None:
    """Erase the sign-in of somebody who is no staff and belongs nowhere any more. Whoever joins another unit with
    it at this moment (orgunits/joining.py) comes before or after."""
    user = User.objects.select_for_update().get(pk=user.pk)
    if not user.is_staff and not user.memberships.exists():
        erase_sign_in(user)


def erase_sign_in(user: User) -> None:
    """A sign-in without any membership: nobody signs in with it again, and nothing tells whose it was."""
    for session in UserSession.objects.filter(user=user):
        session.end()
    addresses = [user.email, *EmailAddress.objects.filter(user=user).values_list("email", flat=True)]
    LogEntry.objects.filter(object_repr__in=addresses).delete()  # support's own log has names in it
    for model in (EmailAddress, Authenticator, SocialAccount, User):
        rows = model.objects.filter(**{"pk" if model is User else "user_id": user.pk})
        done_to_them = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(model))
        done_to_them.filter(object_id__in=[str(pk) for pk in rows.values_list("pk", flat=True)]).delete()
        if model is not User:
            rows.delete()
    user.email, user.first_name, user.last_name = f"{user.public_id}@{NOBODY}", "", ""
    user.time_zone, user.last_login, user.is_active = "", None, False
    user.set_unusable_password()
    user.save()
    AuditName.objects.filter(subject=user.public_id).delete()


def erase_overdue(*, now: datetime, most: int) -> int:
    """Erase up to `most` members whose time to be restored has passed. Answers how many."""
    before = now - timedelta(days=settings.RESTORE_DAYS)
    rows = Member.objects.filter(state=Member.State.REMOVED, erased_at=None, state_since__lte=before)
    overdue = list(rows.select_related("unit").order_by("state_since", "pk")[:most])
    done = 0
    for member in overdue:
        try:
            erase_member(member, by=None, now=now)
        except WrongState:
            continue  # restored, or erased by somebody else, meanwhile
        done += 1
    return done
