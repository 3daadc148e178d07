"""What a sheet of invitations would do, row by row; and doing it. The preview and the job ask the same function."""

import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from . import access, invitations, jobs, roles
from .invitation_sheets import PROBLEMS, Row, read
from .memberships import HERE
from .models import Invitation, InvitationSheet, Member, OrganizationalUnit, User

SLICE = 100  # invitations of one job

WILL_INVITE, WILL_OPEN = "invite", "sign_in"
DONE, INVITED, MEMBER, ERROR = "done", "invited", "member", "error"
OUTCOMES = (WILL_INVITE, WILL_OPEN, DONE, INVITED, MEMBER, ERROR)


class NotThisSheet(Exception):
    """What is to be sent is not what was shown, or was sent already."""


@dataclass(frozen=True)
class Planned:
    """One row, what happens with it, and why where it is left out."""

    number: int  # from 1, of all rows
    row: Row
    outcome: str
    role: roles.Role | None = None
    why: str = ""


@dataclass(frozen=True)
class Plan:
    """All rows of a sheet in their order."""

    rows: list[Planned]
    unused_columns: list[str]

    @property
    def counts(self) -> Counter:
        return Counter(planned.outcome for planned in self.rows)

    @property
    def to_send(self) -> list[Planned]:
        return [planned for planned in self.rows if planned.outcome in (WILL_INVITE, WILL_OPEN)]

    @property
    def makes_ops_admins(self) -> bool:
        """Whether sending needs a fresh proof of who one is. Rows left out now count: who revokes an open
        invitation before the job comes to its row would have it sent."""
        return any(planned.role == roles.OPS_ADMIN for planned in self.rows)


@transaction.atomic
def keep_sheet(
    unit: OrganizationalUnit, text: str, *, default_role: str, by: User, now: datetime
) -> InvitationSheet:
    """Keep what somebody pasted or uploaded, to be looked at before anything is sent."""
    return InvitationSheet.objects.create(
        unit=unit,
        text=text,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        default_role=default_role,
        made_by=by,
        made_at=now,
    )


def plan(sheet: InvitationSheet, rights: frozenset[str]) -> Plan:
    """What sending `sheet` does now for somebody with `rights` on the unit; two queries however long it is.

    Of a sheet that was sent, rows that it invited say so.
    """
    found = read(sheet.text)
    addresses = [row.email for row in found.rows if not row.problem]
    members = {
        member.email: member
        for member in sheet.unit.members.filter(email__in=addresses, state__in=HERE).only(
            "email", "state", "user_id", "unit_id"
        )
    }
    open_or_ours = sheet.unit.invitations.filter(email__in=addresses, state__in=invitations.SENDABLE)
    ours = set()
    if sheet.sent_at is not None:
        made = sheet.unit.invitations.filter(
            email__in=addresses, invited_by=sheet.made_by, created_at__gte=sheet.sent_at
        )
        ours = set(made.values_list("email", flat=True))
    asked = set(open_or_ours.values_list("email", flat=True))
    allowed = _Roles(sheet.unit, rights)
    rows = [
        _planned(number, row, sheet, members.get(row.email), asked, ours, allowed)
        for number, row in enumerate(found.rows, 1)
    ]
    return Plan(rows, found.unused_columns)


class _Roles:
    """Which role a person means, and whether it may be given here by whoever asks."""

    def __init__(self, unit: OrganizationalUnit, rights: frozenset[str]):
        self.here = roles.grantable_in(unit)
        self.rights = rights
        self.by_word = {}
        for role in roles.ROLES.values():
            self.by_word |= {
                role.code: role,
                role.code.replace("_", " "): role,
                str(role.name).casefold(): role,
            }

    def named(self, word: str) -> tuple[roles.Role | None, str]:
        """The role, and what is wrong with it."""
        role = self.by_word.get(word.casefold())
        if role is None:
            names = ", ".join(str(each.name) for each in self.here)
            return None, _("There is no role “%(word)s”. Roles: %(names)s.") % {"word": word, "names": names}
        if role.on_application:
            return role, _("%(role)s is given on an application, after the person has joined.") % {
                "role": role.name
            }
        if role not in self.here:
            return role, _("%(role)s is not a role of this unit.") % {"role": role.name}
        if not roles.may_grant(role, self.rights):
            return role, _("%(role)s holds more than your own role. You cannot give it.") % {
                "role": role.name
            }
        return role, ""


def _planned(
    number: int,
    row: Row,
    sheet: InvitationSheet,
    member: Member | None,
    asked: set[str],
    ours: set[str],
    allowed: _Roles,
) -> Planned:
    if row.problem:
        return Planned(number, row, ERROR, why=PROBLEMS[row.problem] % row.detail)
    role, wrong = allowed.named(row.role or sheet.default_role)
    if row.email in ours:
        return Planned(number, row, DONE, role)
    if row.email in asked:
        return Planned(number, row, INVITED, role)
    if member is not None and (member.user_id is not None or member.state != Member.State.ACTIVE):
        return Planned(number, row, MEMBER, role)
    if wrong:
        return Planned(number, row, ERROR, role, wrong)
    return Planned(number, row, WILL_INVITE if member is None else WILL_OPEN, role)


@transaction.atomic
def start(sheet: InvitationSheet, *, digest: str, now: datetime) -> None:
    """Have a job invite everybody of the sheet who can be. Raises NotThisSheet, invitations.UnitNotActive."""
    if sheet.unit.state != OrganizationalUnit.State.ACTIVE:
        raise invitations.UnitNotActive
    unsent = InvitationSheet.objects.filter(pk=sheet.pk, sent_at=None)
    if digest != sheet.digest or not unsent.update(sent_at=now):
        raise NotThisSheet
    jobs.enqueue_sheet(sheet, after=0)


def go_on(sheet: InvitationSheet, *, after: int, now: datetime) -> None:
    """Invite the next rows of a sheet behind row number `after`; the last slice says that it is finished.

    Who started it must still be allowed to. A row that another run or person was faster with is left alone.
    """
    member = sheet.unit.members.active().filter(user=sheet.made_by, user__is_active=True).first()
    rights = access.rights_of(member) if member is not None else frozenset()
    waiting = [one for one in plan(sheet, rights).to_send if one.number > after] if rights else []
    for planned in waiting[:SLICE]:
        try:
            _invite(sheet, planned, now=now)
        except (invitations.AlreadyMember, invitations.AlreadyInvited, roles.NotGrantable):
            continue  # the plan, asked again, says which
        except invitations.UnitNotActive:
            waiting = []
            break
    if len(waiting) > SLICE:
        jobs.enqueue_sheet(sheet, after=waiting[SLICE - 1].number)
    else:
        InvitationSheet.objects.filter(pk=sheet.pk, finished_at=None).update(finished_at=now)


def _invite(sheet: InvitationSheet, planned: Planned, *, now: datetime) -> Invitation:
    row = planned.row
    about = {name: getattr(row, name) for name in ("given_name", "family_name", "department", "time_zone")}
    role = planned.role.code if planned.role else ""
    return invitations.invite(sheet.unit, row.email, role=role, by=sheet.made_by, now=now, **about)
