"""Rules, plans and runs in every state that a page can show, written straight into the database."""

from dataclasses import dataclass, field
from datetime import timedelta

from django.utils import timezone

from connections.models import Connection
from orgunits.models import Member, OrganizationalUnit, User
from orgunits.units import create_unit
from provisioning.models import DirectoryPolicy, PairDecision, Plan, ProvisioningRule, RuleGrant
from tests.builders import make_members
from tests.directories import make_directory, make_group, make_people, make_person, make_reading
from tests.journeys.scenes import make_person as make_user_of
from tests.journeys.states import LONG_ADDRESS, LONG_NAME
from tests.provisioning.pages import make_item, make_plan, make_rule, make_run

HOURS = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu")} | {"fri": [["09:00", "13:00"]]}


@dataclass
class ProvisioningStates:
    """The unit, its Ops Admin, directories, rules and plans by what is so with each."""

    unit: OrganizationalUnit
    olga: User
    followed: Connection  # with rules, a paused run and a plan that waits
    bare: Connection  # without rules and without groups
    rules: dict[str, ProvisioningRule] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    empty: OrganizationalUnit | None = None  # a unit without a directory


def make_provisioning_states() -> ProvisioningStates:
    now, olga = timezone.now(), make_user_of("Olga", "olga@portal.example")
    unit = create_unit("Kube Community", by=olga, now=now)
    followed = make_directory(unit, by=olga)
    bare = make_directory(unit, by=olga, tenant="bare.example", extras=())
    states = ProvisioningStates(unit, olga, followed, bare)
    states.empty = create_unit("Empty Community", by=olga, now=now)
    DirectoryPolicy.objects.create(unit=unit, connection=bare, ask_first=True)
    make_reading(followed, people=1489, started_at=now - timedelta(hours=2))
    _rules(states)
    _plans(states)
    return states


def _rules(states: ProvisioningStates) -> None:
    row = states.followed
    people = make_people(
        row,
        [f"Paula{n} Person{n}" for n in range(60)],
        department="Special interest groups",
        path="/Community/Members",
    )
    make_people(
        row, [f"Rita{n} Reviewer{n}" for n in range(9)], department=LONG_NAME, path="/Community/Reviewers"
    )
    groups = [make_group(row, f"Team {n:02}", people[:3]) for n in range(25)]
    groups.append(make_group(row, LONG_NAME, people[:5]))
    states.rules = {
        "everybody": make_rule(row, "Everybody", time_zone="Europe/Berlin", working_hours=HOURS, welcome="now"),
        "group": make_rule(
            row, "Chairs schedule", kind="group", values=[group.external_id for group in groups[-5:]],
            role="coordinator", on_leaving="lose_role", order=2,
        ),
        "department": make_rule(
            row, LONG_NAME, kind="department", values=[LONG_NAME, "Elsewhere"], active=False, order=3
        ),
        "attribute": make_rule(
            row, "Assistants", kind="attribute", attribute="job_title", values=["Assistant"], order=4,
            on_leaving="nothing", welcome="on_date", welcome_on=timezone.now().date(),
        ),
    }  # fmt: skip
    members = make_members(states.unit, [f"m{n}@kube.example" for n in range(12)])
    RuleGrant.objects.bulk_create(
        RuleGrant(rule=states.rules["everybody"], member=member, role="employee") for member in members
    )


def _plans(states: ProvisioningStates) -> None:
    row, rules = states.followed, states.rules
    paused = make_plan(
        row, outcome="paused", guard_codes=["share", "ops_admin"], causes=["rule_edited", "much_smaller"],
        candidates=309, base=1322, limit=264, counts={"add": 12, "change": 40, "suspend": 309, "nothing": 960},
        clauses={"matches": 12, "changed": 40, "absent_twice": 309, "unchanged": 960},
    )  # fmt: skip
    make_run(paused, "paused_by_guard")
    states.plans = {
        "applied": paused,
        "making": make_plan(states.bare, "making"),
        "nothing to do": make_plan(row, "discarded", counts={"nothing": 1489}, clauses={"unchanged": 1489}),
        "stale": make_plan(row, "stale", stale_because=["rules", "more_suspended", "new_conflict"]),
        "failed": make_plan(row, "failed", problem="unexpected"),
        "blocked": make_plan(
            row, "discarded", outcome="blocked", guard_codes=["incomplete", "scopes_changed"], incomplete=True,
            causes=["permission_lost", "provider_incident"], counts={"add": 2}, clauses={"matches": 2},
        ),
        "removes a rule": make_plan(
            row, "discarded", purpose="rule", rule=rules["attribute"], draft={"removed": True}
        ),
        "ready": make_plan(
            row, purpose="rule", rule=rules["department"], outcome="paused", guard_codes=["ops_admin"],
            causes=["many_missing"], candidates=2, base=1322, limit=264,
            draft={"active": True, "role": "coordinator", "kind": "everybody", "values": []},
        ),
    }  # fmt: skip
    _items(states, states.plans["ready"])


def _items(states: ProvisioningStates, plan: Plan) -> None:
    """Every action, many clauses, more than one page."""
    row, rule = states.followed, states.rules["everybody"]
    olga, members = (
        Member.objects.get(user=states.olga, unit=states.unit),
        list(states.unit.members.order_by("pk")),
    )
    people = list(row.directory_people.order_by("pk"))
    changes = [
        ["address", "", people[0].address, ""],
        ["given_name", "", "Paula", ""],
        ["working_hours", "", HOURS, ""],
    ]
    for person in people[:50]:
        facts = {"changes": changes, "gained": [[rule.pk, "employee"]], "links": True}
        make_item(plan, "add", "matches", person=person, rule=rule, facts=facts)
    make_item(
        plan, "change", "renamed", person=make_person(row, LONG_NAME, address=LONG_ADDRESS), member=members[1],
        rule=rule, candidate=True, ops_admin=True,
        facts={
            "also": [states.rules["group"].pk], "stripped": ["coordinator"], "held": ["time_zone"],
            "changes": [
                ["address", LONG_ADDRESS, f"new.{LONG_ADDRESS}", ""],
                ["department", "Research", "Research", "assumed"],
                ["state", "suspended", "active", ""],
            ],
            "lost": [[states.rules["group"].pk, "coordinator"]],
        },
    )  # fmt: skip
    leaves = {"changes": [["state", "active", "suspended", ""]]}
    make_item(plan, "suspend", "absent_twice", member=olga, candidate=True, ops_admin=True, facts=leaves)
    make_item(plan, "suspend", "deleted")
    make_item(
        plan,
        "skip",
        "kept",
        person=people[51],
        member=members[2],
        facts={"withheld": [[rule.pk, "employee"]]},
    )
    make_item(plan, "conflict", "adoption_waits", person=people[52], member=members[3])
    make_item(plan, "conflict", "move_waits", person=people[53], member=members[4])
    others = {"others": [members[5].pk, members[6].pk]}
    make_item(plan, "conflict", "two_members", person=people[54], facts=others)
    make_item(plan, "conflict", "same_address", person=people[55], facts={"others": [people[56].pk]})
    Plan.objects.filter(pk=plan.pk).update(
        counts=plan.counts | {"nothing": 1288}, clauses=plan.clauses | {"unchanged": 1200, "absent_once": 88}
    )
    PairDecision.objects.create(
        unit=states.unit, person=people[53], member=members[4], same=False,
        decided_at=plan.made_at + timedelta(minutes=1),
    )  # fmt: skip
