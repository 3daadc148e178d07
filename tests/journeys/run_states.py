"""Runs and leavers in every state that a page can show, written straight into the database."""

from dataclasses import dataclass, field
from datetime import timedelta

from django.utils import timezone

from connections.models import Connection
from orgunits import erasure, memberships, roles
from orgunits.members import add_member
from orgunits.models import Member, OrganizationalUnit, User
from orgunits.units import create_unit
from provisioning import offboarding
from provisioning.models import Offboarding, Plan, PlanItem, ProvisioningRule, ProvisioningRun, RuleGrant
from tests.builders import make_members
from tests.directories import make_directory, make_group, make_person, make_reading
from tests.journeys.scenes import make_person as make_user_of
from tests.journeys.states import LONG_ADDRESS, LONG_NAME
from tests.people import make_application

GUARDED = {"outcome": "paused", "candidates_digest": "d" * 64}


@dataclass(frozen=True)
class RunStates:
    """The unit, its Ops Admin, runs and leavers by what is so with each; and a unit without any."""

    unit: OrganizationalUnit
    empty: OrganizationalUnit
    olga: User
    colleague: Member
    runs: dict[str, ProvisioningRun] = field(default_factory=dict)
    leavers: dict[str, Offboarding] = field(default_factory=dict)


def make_run_states() -> RunStates:
    now, olga = timezone.now(), make_user_of("Olga", "olga@portal.example")
    unit, empty = (create_unit(name, by=olga, now=now) for name in ("Kube Community", "Quiet"))
    people = make_members(unit, [f"person{n:03}@kube.example" for n in range(120)], family_name="Person")
    people[0].given_name, people[0].email = LONG_NAME[:100], LONG_ADDRESS
    people[0].save()
    states = RunStates(unit, empty, olga, people[3])
    _add_runs(states, people)
    _add_leavers(states, people[60:])
    return states


def _add_runs(states: RunStates, people: list[Member]) -> None:
    now, unit = timezone.now(), states.unit
    share = {
        **GUARDED,
        "guard_codes": ["share", "most", "ops_admin"],
        "candidates": 60,
        "base": 120,
        "limit": 24,
    }
    causes = ["rule_edited", "permission_lost", "provider_incident", "much_smaller", "many_missing"]
    blocked = {
        **share, "outcome": "blocked", "guard_codes": ["incomplete", "empty", "credential_changed"],
        "causes": ["key_replaced", "filter_edited"],
    }  # fmt: skip
    for name, state, plan, results, facts in (
        ("paused", "paused_by_guard", {**share, "causes": causes}, ("held", "done"), {"told_at": now}),
        ("blocked", "paused_by_guard", blocked, ("held",), {}),
        ("approval over", "paused_by_guard", {**share, "causes": []}, ("held",), {"reason": "approval_ended"}),
        ("running", "running", {}, ("done", "todo"), {"started_by": states.olga}),
        ("partial", "partial", {}, ("done", "failed"), {"finished_at": now, "approved_at": now}),
        ("failed", "failed", {}, ("todo",), {"finished_at": now, "reason": "connection_at_rest"}),
        (
            "stale", "cancelled", {"state": "stale", "stale_because": ["rules", "more_suspended"]}, ("todo",),
            {"finished_at": now, "reason": "stale"},
        ),
        ("succeeded", "succeeded", {}, (), {"finished_at": now}),
    ):  # fmt: skip
        directory = make_directory(unit, by=states.olga, tenant=f"{name.replace(' ', '-')}.example")
        row = Plan.objects.create(
            unit=unit, connection=directory,
            **{"state": "taken", "counts": {"add": 3, "suspend": 60, "conflict": 1}, **plan},
        )  # fmt: skip
        _add_items(row, people[:60], results)
        states.runs[name] = ProvisioningRun.objects.create(
            unit=unit, connection=directory, plan=row, state=state, **facts
        )


def _add_items(plan: Plan, people: list[Member], results: tuple[str, ...]) -> None:
    PlanItem.objects.bulk_create(
        PlanItem(
            plan=plan, position=n, member=person, clause=("absent_twice", "no_rule")[n % 2], ops_admin=n == 1,
            action=("suspend", "change")[n % 5 == 0], result=results[n % len(results)],
            candidate=True, reason="last_ops_admin" if results[n % len(results)] == "failed" else "",
        )
        for n, person in enumerate(people if results else ())
    )  # fmt: skip


def _add_leavers(states: RunStates, people: list[Member]) -> None:
    now, unit, olga = timezone.now(), states.unit, states.olga
    directory = states.runs["paused"].connection
    rich = _rich(unit, directory, olga)
    for name, member in zip(("signed off", "undone", "back", "forgotten"), people, strict=False):
        states.leavers[name] = offboarding.begin(member, by=None, now=now, clause="no_rule")
    states.leavers["in grace"] = offboarding.begin(
        rich, by=olga, now=now - timedelta(days=3), clause="deleted", connection=directory, run=states.runs["paused"]
    )  # fmt: skip
    offboarding.sign_off(states.leavers["signed off"], by=olga, now=now, note=LONG_NAME)
    until = (now + timedelta(days=90)).date()
    offboarding.undo(states.leavers["undone"], by=olga, now=now, keep_until=until)
    offboarding.come_back(states.leavers["back"].member, now=now)
    gone = states.leavers["forgotten"].member
    memberships.remove_member(gone, by=olga, now=now)
    erasure.erase_member(gone, by=olga, now=now)
    offboarding.follow(now=now)
    for member in people[4:]:
        offboarding.begin(member, by=olga, now=now, settle=False)


def _rich(unit: OrganizationalUnit, directory: Connection, olga: User) -> Member:
    """Somebody of whom a dossier has something in every part."""
    now = timezone.now()
    member = add_member(
        unit, "rich@kube.example", by=olga, now=now, given_name=LONG_NAME[:90], department=LONG_NAME[:90],
        user=make_user_of("Rich", "rich@portal.example"),
    )  # fmt: skip
    roles.grant_role(member, "coordinator", by=olga, now=now, why=LONG_NAME)
    roles.grant_role(member, "developer", by=olga, now=now, application=make_application(unit, "staging"))
    rule = ProvisioningRule.objects.create(
        unit=unit, connection=directory, name=LONG_NAME[:120], role="employee", active=True
    )
    RuleGrant.objects.create(rule=rule, member=member, role="employee")
    person = make_person(directory, "Rich Person", member=member, employee_id="17", path="/Engineering")
    for name in (LONG_NAME, "Weavers"):
        make_group(directory, name, [person])
    make_reading(directory, people=61)
    return member
