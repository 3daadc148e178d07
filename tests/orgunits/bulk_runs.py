"""Runs of acts on many members: previewed, started, and what became of them."""

from django.utils import timezone

from orgunits import bulk
from orgunits.access import access_to
from orgunits.models import BulkRow, BulkRun, Member
from tests.builders import make_members
from tests.people import Company

Act, Row, State = BulkRun.Act, BulkRow.State, BulkRun.State


def now():
    return timezone.now()


def people(company: Company, number: int, **fields) -> list[Member]:
    return make_members(company.unit, [f"p{n:03}@x.example" for n in range(number)], **fields)


def preview(company: Company, act: str, members=None, *, role: str = "", why: str = "") -> BulkRun:
    chosen = company.unit.members.all() if members is None else members
    access = access_to(company.olga, company.unit.slug)
    return bulk.prepare(access, chosen, act, now=now(), role=role, why=why)


def started(company: Company, *args, **fields) -> BulkRun:
    run = preview(company, *args, **fields)
    bulk.start(run, by=company.olga, now=now())
    return run


def result(run: BulkRun) -> dict[tuple[str, str], int]:
    """How many rows are in which state for which reason."""
    run.refresh_from_db()
    return {(state, code): n for state, by in bulk.counts(run).items() for code, n in by.items()}


def states(company: Company, email: str) -> set[str]:
    return set(company.unit.members.filter(email__endswith=email).values_list("state", flat=True))
