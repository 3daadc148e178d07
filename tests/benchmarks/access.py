"""What the door costs (P10): a checked page against the same page without permissions."""

from django.db import connection as database
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import resolve, reverse
from django.utils import timezone

from orgunits import roles
from orgunits.access import Access
from orgunits.members import add_member
from orgunits.models import Member, OrganizationalUnit, User
from orgunits.units import create_unit
from tests.benchmarks.measure import Figure, best, figures
from tests.people import make_user

UNITS, MEMBERS, GROUPS = 50, 50_000, 20


@figures("access.request_queries", "access.request")
def request() -> list[Figure]:
    """The members list of one of 50 units, seen by somebody who holds a role in 20 of them."""
    viewer, unit = _world()
    address = reverse("members", args=[unit.slug])
    view = resolve(address).func
    member = unit.members.select_related("unit", "user").get(user=viewer)
    everything = Access(member, frozenset(right for role in roles.ROLES.values() for right in role.rights))

    def asked():
        question = RequestFactory().get(address)
        question.user, question.session = viewer, {}
        return question

    def checked() -> None:
        assert view(asked(), slug=unit.slug).status_code == 200

    def unchecked() -> None:
        question = asked()
        question.access, question.unit = everything, unit
        assert view.__wrapped__(question, unit).status_code == 200

    checked()  # templates are read once
    return [
        Figure("access.request_queries", _queries(checked) - _queries(unchecked), "queries", "<=", 2),
        Figure("access.request", best(checked) / best(unchecked), "x the same page unchecked", "<=", 2),
    ]


def _queries(work) -> int:
    with CaptureQueriesContext(database) as queries:
        work()
    return len(queries)


def _world() -> tuple[User, OrganizationalUnit]:
    now = timezone.now()
    owner, viewer = make_user("Owner", "owner@bench.example"), make_user("Viewer", "viewer@bench.example")
    units = [create_unit(f"Door {number}", by=owner, now=now) for number in range(UNITS)]
    rows = [
        Member(unit=unit, email=f"m{n:04}@door.example", given_name="Mo", family_name=f"Member {n:04}")
        for unit in units
        for n in range(MEMBERS // UNITS)
    ]
    for row in rows:
        row.set_derived()
    Member.objects.bulk_create(rows, batch_size=2000)
    for unit in units[:GROUPS]:
        add_member(unit, viewer.email, by=owner, now=now, user=viewer, role=roles.OPS_ADMIN.code)
    assert viewer.groups.count() == GROUPS
    with database.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE orgunits_member")
    return viewer, units[GROUPS // 2]


BENCHMARKS = [request]
