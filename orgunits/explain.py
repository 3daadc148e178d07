"""Can X do Y to Z? The answer of the doors themselves, with the way that leads there or the nearest that would."""

from dataclasses import dataclass, field

from django.db.models import QuerySet

from .access import Access, Answer, access_to, answer_to, with_own_rights
from .models import Application, Member, OrganizationalUnit, RoleGrant
from .roles import ROLES, UNIT_RIGHT_FOR, Role, grantable_in, may_grant, roles_with

GIVERS_NAMED = 5


@dataclass(frozen=True)
class Way:
    """A grant that opens what was asked for, and its role."""

    grant: RoleGrant
    role: Role


@dataclass(frozen=True)
class Nearest:
    """The role that would open it with the fewest rights more, and members who can give it."""

    role: Role
    givers: list[Member]


@dataclass(frozen=True)
class Explanation:
    """What the door says, and why. For who cannot come in at present, `ways` are those that would count."""

    answer: Answer
    ways: list[Way] = field(default_factory=list)
    own: bool = False  # open to every active member about themselves
    nearest: Nearest | None = None

    @property
    def yes(self) -> bool:
        return self.answer == Answer.OPEN


def explain(
    unit: OrganizationalUnit,
    member: Member,
    right: str,
    application: Application | None = None,
    *,
    own: bool = False,
) -> Explanation:
    """Whether `member` may use `right` on the unit, on one application, or (`own`) on their own schedule.

    A right on applications without an application asks about all of them, those made later included.
    """
    if application is None:
        right = UNIT_RIGHT_FOR.get(right, right)
    access = access_to(member.user, unit.slug) if member.user else None
    if access is not None and application is not None:
        application = with_own_rights(access).get(pk=application.pk)
    answer = answer_to(access, right, application, anyway=own)
    if answer == Answer.WRONG_ROLE:
        return Explanation(answer, nearest=_nearest(access, right, application))
    ways = _ways(member, right, application)
    return Explanation(answer, ways, own=own and not ways)


def _ways(member: Member, right: str, application: Application | None) -> list[Way]:
    """The member's grants that hold the right, whether or not the member may come in at present."""
    rows = member.role_grants.select_related("application", "granted_by").defer("application__logo")
    ways = [Way(row, ROLES[row.role]) for row in rows.order_by("granted_at", "pk")]
    return [way for way in ways if _leads_there(way, right, application)]


def _leads_there(way: Way, right: str, application: Application | None) -> bool:
    if application is None:
        return right in way.role.rights
    chosen = way.grant.application_id == application.pk and right in way.role.application_rights
    return chosen or UNIT_RIGHT_FOR[right] in way.role.rights


def _nearest(access: Access, right: str, application: Application | None) -> Nearest | None:
    """The role with the fewest rights more; one on a single application before one on the whole unit."""
    unit = access.member.unit
    here = {role.code for role in grantable_in(unit)}
    fitting = [
        role
        for role in roles_with(right)
        if role.code in here or (role.on_application and application is not None)
    ]
    if not fitting:
        return None
    role = min(fitting, key=lambda one: (not one.on_application, len(set(one.rights) - access.rights)))
    return Nearest(role, list(_givers(unit, role)[:GIVERS_NAMED]))


def _givers(unit: OrganizationalUnit, role: Role) -> QuerySet[Member]:
    """The members who can give `role`: active, able to sign in, and with that role or a higher one."""
    codes = [one.code for one in ROLES.values() if may_grant(role, frozenset(one.rights))]
    rows = unit.members.active().filter(role_grants__role__in=codes, user__is_active=True)
    return rows.distinct().order_by("sort_key", "pk")
