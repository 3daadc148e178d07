"""Doing what a plan says with one person, or with many who are new; each item exactly once.

An item is done in the transaction that says so, and only while its person and member are still as the plan saw
them: what changed meanwhile is left to the next plan.
"""

from collections.abc import Iterable
from datetime import date, datetime

from django.db import connection as database
from django.db import transaction
from django.db.models import OuterRef, Subquery

from connections import identity
from connections.models import DirectoryPerson
from orgunits import audit, roles, told
from orgunits.models import Member, OrganizationalUnit, RoleGrant

from . import offboarding
from .clauses import Clause
from .models import Kept, PlanItem, ProvisioningRule, ProvisioningRun, RuleGrant, WelcomeMail
from .plan_rows import as_item
from .plan_values import Action, Change, Item, State

Result = PlanItem.Result


class ChangedMeanwhile(Exception):
    """The person or the member is not any more as the plan saw them."""


# --- newcomers, many at once --------------------------------------------------------------------------------------
@transaction.atomic
def add(run: ProvisioningRun, rows: list[PlanItem], *, now: datetime) -> None:
    """Add the people of these items, all or none. Raises ChangedMeanwhile, IntegrityError (an address is taken)."""
    _lock(run)
    people = DirectoryPerson.objects.select_for_update(no_key=True, of=("self",)).in_bulk(
        [row.person_id for row in rows]
    )
    items = [as_item(row) for row in rows]
    for item in items:
        person = people.get(item.person)
        if person is None or person.member_id is not None or person.absences or person.deleted_at:
            raise ChangedMeanwhile
    new = told.add_many(run.unit, [_newcomer(item) for item in items], now=now)
    rules = _rules(item for item in items)
    _link_many([item.person for item in items], [member.pk for member in new])
    RuleGrant.objects.bulk_create(
        [
            RuleGrant(rule_id=grant.rule, member=member, role=grant.role)
            for item, member in zip(items, new, strict=True)
            for grant in item.gained
        ],
        batch_size=2000,
    )
    WelcomeMail.objects.bulk_create(
        [
            WelcomeMail(unit_id=run.unit_id, member=member, rule=rule, due_on=due)
            for item, member in zip(items, new, strict=True)
            if (rule := rules.get(item.rule)) is not None and (due := welcome_day(rule, now.date()))
        ]
    )
    theirs = DirectoryPerson.objects.filter(pk=OuterRef("person")).values("member")
    PlanItem.objects.filter(pk__in=[row.pk for row in rows]).update(
        member=Subquery(theirs), result=Result.DONE, reason=""
    )
    for row, member in zip(rows, new, strict=True):
        row.member, row.result, row.reason = member, Result.DONE, ""


def _link_many(people: list[int], members: list[int]) -> None:
    """Each person is the member of the same place; one statement instead of a CASE with as many branches."""
    with database.cursor() as cursor:
        cursor.execute(
            "UPDATE connections_directoryperson SET member_id = told.member "
            "FROM unnest(%s::bigint[], %s::bigint[]) AS told (person, member) WHERE id = told.person",
            [people, members],
        )


def _lock(run: ProvisioningRun) -> None:
    """The unit before its people: whoever reads the directory meanwhile holds the unit's key and then wants them."""
    OrganizationalUnit.objects.select_for_update().get(pk=run.unit_id)


def _newcomer(item: Item) -> told.Newcomer:
    values = {change.field: change.after for change in item.changes}
    address = str(values.pop("address"))
    return told.Newcomer(address, values, tuple(dict.fromkeys(grant.role for grant in item.gained)))


def _rules(items: Iterable[Item]) -> dict[int, ProvisioningRule]:
    return ProvisioningRule.objects.in_bulk({item.rule for item in items if item.rule is not None})


def welcome_day(rule: ProvisioningRule, today: date) -> date | None:
    """When somebody whom this rule brings today is mailed; None: never. A day that is over is today."""
    if rule.welcome == ProvisioningRule.Welcome.NOW:
        return today
    if rule.welcome == ProvisioningRule.Welcome.ON_DATE and rule.welcome_on is not None:
        return max(rule.welcome_on, today)
    return None


# --- members, many at once ----------------------------------------------------------------------------------------
def only_takes_over(row: PlanItem) -> bool:
    """Whether the item does nothing but take over what the directory tells of a member's fields."""
    more = any(row.facts.get(name) for name in ("gained", "lost", "links"))
    fields = {change[0] for change in row.facts.get("changes", ())}
    return row.action == PlanItem.Action.CHANGE and not more and fields <= set(told.FIELDS)


@transaction.atomic
def take_over(run: ProvisioningRun, rows: list[PlanItem], *, now: datetime) -> None:
    """Take over the fields of these items, all or none. Raises ChangedMeanwhile, members.NotAZone."""
    _lock(run)
    items = [as_item(row) for row in rows]
    held = DirectoryPerson.objects.select_for_update(no_key=True, of=("self",)).order_by("pk")
    people = held.in_bulk([item.person for item in items])
    known = Member.objects.filter(unit=run.unit_id).exclude(state=Member.State.REMOVED)
    known = known.select_for_update(no_key=True, of=("self",)).order_by("pk")
    known = known.in_bulk([item.member for item in items])
    values = []
    for item in items:
        person, member = people.get(item.person), known.get(item.member)
        if person is None or member is None:
            raise ChangedMeanwhile
        _must_be_as_planned(item, person, member, now=now)
        values.append((member, {one.field: one.after for one in item.changes}))
    told.set_many(run.unit, values, now=now)
    PlanItem.objects.filter(pk__in=[row.pk for row in rows]).update(result=Result.DONE, reason="")


# --- one member ---------------------------------------------------------------------------------------------------
@transaction.atomic
def change(run: ProvisioningRun, row: PlanItem, *, now: datetime) -> None:
    """Do a change or a suspension. Raises ChangedMeanwhile, members.AddressTaken, roles.NotGrantable,
    roles.LastOpsAdmin, memberships.WrongState."""
    _lock(run)
    item = as_item(row)
    person = (
        DirectoryPerson.objects.select_for_update(no_key=True, of=("self",)).filter(pk=item.person).first()
    )
    rows = Member.objects.select_related("unit", "user").select_for_update(no_key=True, of=("self",))
    member = rows.filter(pk=item.member, unit=run.unit_id).first()
    if person is None or member is None or member.state == Member.State.REMOVED:
        raise ChangedMeanwhile
    _must_be_as_planned(item, person, member, now=now)
    if item.links:
        _link(person, member, now=now)
    if item.action == Action.SUSPEND:
        offboarding.begin(
            member, by=None, now=now, run=run, clause=item.clause, connection=run.connection, settle=False
        )
        return
    for one in item.changes:
        _take(member, one, now=now)
    values = {one.field: one.after for one in item.changes if one.field in told.FIELDS}
    told.set_many(run.unit, [(member, values)], now=now)
    for grant in item.lost:
        _lose(member, grant.rule, grant.role, now=now)
    for grant in item.gained:
        _gain(member, grant.rule, grant.role, now=now)


def _must_be_as_planned(item: Item, person: DirectoryPerson, member: Member, *, now: datetime) -> None:
    """Whether nothing happened since that would have made another plan. Raises ChangedMeanwhile."""
    if not item.links and person.member_id != member.pk:
        raise ChangedMeanwhile
    takes = item.action == Action.SUSPEND or item.lost
    if takes and Kept.objects.filter(member=member, until__gt=now.date()).exists():
        raise ChangedMeanwhile
    if item.takes_something and not item.ops_admin and _is_ops_admin(member):
        raise ChangedMeanwhile
    if item.clause in STILL and not STILL[item.clause](person):
        raise ChangedMeanwhile
    for one in item.changes:
        if one.field == "state":
            is_now: object = member.state
        elif one.field == "address":
            is_now = member.email
        else:
            is_now = getattr(member, one.field)
            if told.source_of(member, one.field) != one.source:
                raise ChangedMeanwhile
        if is_now != one.before:
            raise ChangedMeanwhile


# A directory is read while a long run goes on: whoever it shows again stays.
STILL = {
    Clause.DELETED: lambda person: person.deleted_at is not None,
    Clause.DISABLED: lambda person: not person.enabled,
    Clause.ABSENT_TWICE: lambda person: person.absences > 1,
}


def _is_ops_admin(member: Member) -> bool:
    return RoleGrant.objects.filter(member=member, role=roles.OPS_ADMIN.code, application=None).exists()


def _link(person: DirectoryPerson, member: Member, *, now: datetime) -> None:
    """The member is this person from now on, and nobody else's."""
    if person.member_id not in (None, member.pk):
        raise ChangedMeanwhile
    DirectoryPerson.objects.filter(member=member).exclude(pk=person.pk).update(member=None)
    person.member = member
    person.save(update_fields=["member"])
    audit.record(
        member.unit, "member.linked", member, by=None, now=now, connection=person.connection.public_id
    )


def _take(member: Member, one: Change, *, now: datetime) -> None:
    if one.field == "address":
        identity.change_address(member, str(one.after), by=None, now=now, settle=False)
    elif one.field == "state":
        if one.after != State.ACTIVE:
            raise ChangedMeanwhile
        offboarding.come_back(member, now=now)


def _lose(member: Member, rule: int, role: str, *, now: datetime) -> None:
    RuleGrant.objects.filter(rule_id=rule, member=member).delete()
    if not RuleGrant.objects.filter(member=member, role=role).exists():
        roles.take_by_rule(member, role, now=now)


def _gain(member: Member, rule: int, role: str, *, now: datetime) -> None:
    RuleGrant.objects.update_or_create(rule_id=rule, member=member, defaults={"role": role})
    roles.give_by_rule(member, role, now=now)
