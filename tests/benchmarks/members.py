"""The members list at 1,000, 10,000 and 50,000 members (P10, P14)."""

from django.db import connection as database
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connections import mailboxes, member_list
from connections.forms import MemberFilterForm
from orgunits.models import Member
from orgunits.units import create_unit
from tests.benchmarks.measure import Figure, best, figures
from tests.people import make_user

SIZES = (1_000, 10_000, 50_000)


@figures("members.page_queries", "members.page_ratio", "members.page_growth", "members.page_bytes")
def page() -> list[Figure]:
    """The whole page through the portal, against the same rows and template without door, session and menu."""
    measured = {size: _measure(size) for size in SIZES}
    queries = max(row["queries"] for row in measured.values())
    smallest, largest = measured[SIZES[0]], measured[SIZES[-1]]
    return [
        Figure("members.page_queries", queries, "queries", "<=", 8),
        Figure("members.page_ratio", largest["page"] / largest["bare"], "x the bare page", "<=", 5),
        Figure(
            "members.page_growth", largest["page"] / smallest["page"], "x from 1,000 to 50,000", "<=", 1.5
        ),
        Figure(
            "members.page_bytes", largest["bytes"] / smallest["bytes"], "x from 1,000 to 50,000", "<=", 1.02
        ),
    ]


def _measure(size: int) -> dict[str, float]:
    olga = make_user(f"Olga {size}", f"olga{size}@bench.example")
    unit = create_unit(f"Bench {size}", by=olga, now=timezone.now())
    rows = [
        Member(unit=unit, email=f"m{n:05}@bench.example", given_name="Mo", family_name=f"Member {n:05}")
        for n in range(size)
    ]
    for row in rows:
        row.set_derived()
    Member.objects.bulk_create(rows, batch_size=2000)
    mailboxes.assign(unit, now=timezone.now())
    with database.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE orgunits_member")
        cursor.execute("VACUUM ANALYZE connections_mailbox")
    client = Client()
    client.force_login(olga)
    address = reverse("members", args=[unit.slug])

    def whole() -> bytes:
        answer = client.get(address)
        assert answer.status_code == 200
        return answer.content

    def bare() -> None:
        found = member_list.members(unit, member_list.Chosen())
        shown = member_list.page(found, order="name", after="")
        form = MemberFilterForm({}, connections=[])
        context = {"unit": unit, "members": shown.rows, "form": form, "total": size, "next_url": "?after=x"}
        render_to_string("connections/members.html", context, RequestFactory().get(address))

    whole()  # templates are read once
    with CaptureQueriesContext(database) as queries:
        content = whole()
    number = len(queries)  # a later request forgets them
    return {"page": best(whole), "bare": best(bare), "queries": number, "bytes": len(content)}


BENCHMARKS = [page]
