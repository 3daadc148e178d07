"""A small tenant in the sandbox to which everything happens: people, groups, rules, faults, crashes, clocks.

What should be true afterwards is kept here from what was done to the tenant, never from what the portal says.
"""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from random import Random
from time import time

from django.db import connection as database
from django.utils import timezone

from connections import directory_reading, health
from connections.models import Connection
from orgunits.models import AuditEvent, Member, RoleGrant
from provisioning import following, plans, rules, runs
from provisioning.models import Plan, ProvisioningRule, ProvisioningRun
from tests.people import Company
from tests.providers.sandbox.server import SandboxServer

DOMAIN = "rival-ms.example"
ADMINISTRATOR = f"rosa.rival@{DOMAIN}"
NUMBERS = count(int(time() * 1000))  # nobody is made twice, whatever an example is tried again for
DEPARTMENTS = ("Sales", "Research")
ONE_ANSWER = {"target": "users.delta", "times": 1}
FAULTS: dict[str, tuple[str, dict]] = {
    "429": ("rate_limited", {**ONE_ANSWER, "status": 429, "retry_after": 1}),
    "5xx": ("server_error", {**ONE_ANSWER, "status": 503}),
    "half an answer": ("truncated", ONE_ANSWER),
    "nonsense": ("nonsense", ONE_ANSWER),
    "time-out": ("latency", {"target": "graph.microsoft.com", "times": 1, "ms": 700}),
    "partial page": ("directory_partial", {**ONE_ANSWER, "share": 0.4}),
    "empty success": ("directory_empty", ONE_ANSWER),
    "revoked token": ("token_revoked", {"times": 1}),
}


class Killed(BaseException):
    """The process is gone, between two writes."""


@dataclass
class Person:
    """Somebody of the tenant as the test made them."""

    address: str
    id: str
    department: str = "Sales"
    given_name: str = "Ada"
    suspended: bool = False
    deleted: bool = False
    in_group: bool = False

    @property
    def here(self) -> bool:
        return not (self.deleted or self.suspended)


@dataclass
class Storm:
    """One example: a directory with two rules, and what happens to it."""

    company: Company
    providers: SandboxServer
    connection: Connection
    everybody: ProvisioningRule
    coordinators: ProvisioningRule
    random: Random
    now: datetime = field(default_factory=timezone.now)
    people: dict[str, Person] = field(default_factory=dict)
    named: int = 0

    # --- what happens at the provider -----------------------------------------------------------------------------
    def add(self) -> None:
        self.named += 1
        number = f"{next(NUMBERS):012x}"
        one = Person(f"p{number}@{DOMAIN}", number.rjust(20, "0"), self.random.choice(DEPARTMENTS))
        self.people[one.id] = one
        self.providers.control(
            "POST", "people", id=one.id, email=one.address, given_name=one.given_name,
            family_name=f"Number{self.named}", department=one.department,
        )  # fmt: skip

    def somebody(self) -> Person | None:
        living = [one for one in self.people.values() if not one.deleted]
        return self.random.choice(living) if living else None

    def rename(self) -> None:
        if one := self.somebody():
            self.named += 1
            address, name = f"r{next(NUMBERS):012x}@{DOMAIN}", f"Renamed{self.named}"
            self.providers.control("PATCH", f"people/{one.address}", email=address, given_name=name)
            one.address, one.given_name = address, name

    def move(self) -> None:
        if one := self.somebody():
            one.department = self.random.choice(DEPARTMENTS)
            self.providers.control("PATCH", f"people/{one.address}", department=one.department)

    def suspend(self) -> None:
        if one := self.somebody():
            one.suspended = not one.suspended
            self.providers.control("PATCH", f"people/{one.address}", suspended=one.suspended)

    def delete(self) -> None:
        if one := self.somebody():
            one.deleted = True
            one.in_group = False
            self.providers.control("DELETE", f"people/{one.address}")

    def regroup(self) -> None:
        for one in self.people.values():
            one.in_group = not one.deleted and self.random.random() < 0.5
        members = [one.address for one in self.people.values() if one.in_group]
        self.providers.control("POST", "groups", id="leads", name="Leads", members=[ADMINISTRATOR, *members])

    # --- what happens here ----------------------------------------------------------------------------------------
    def edit_rule(self) -> None:
        """The group's rule asks for a department as well as it did for the group, or the other way round."""
        rule = ProvisioningRule.objects.get(pk=self.coordinators.pk)
        if rule.kind == "group":
            draft = {"kind": "department", "values": [self.random.choice(DEPARTMENTS)]}
        else:
            draft = {"kind": "group", "values": [self.group_id()]}
        self.apply(rules.plan_change(rule, draft, by=self.company.olga, now=self.now))

    def group_id(self) -> str:
        return self.connection.directory_groups.get(name="Leads").external_id

    def apply(self, plan: Plan) -> None:
        """A plan that somebody asked for is made and applied; out of date, it does nothing."""
        plans.make(plan, now=self.now)
        plan.refresh_from_db()
        if plan.state != Plan.State.READY:
            return
        if waiting := plans.open_run(self.connection):
            runs.cancel(waiting, by=self.company.olga, now=self.now)
        self.work(plans.apply_plan(plan, by=self.company.olga, now=self.now))

    def jump(self) -> None:
        """The clock goes on, or back a little."""
        self.now += timedelta(hours=self.random.choice((-1, 5, 7, 30)))

    # --- what the portal does -------------------------------------------------------------------------------------
    def read(self) -> None:
        row = Connection.objects.select_related("unit", "credential").get(pk=self.connection.pk)
        if row.state == "needs_reauthorization":
            health.check_connection(row, by=self.company.olga, now=self.now)
        if row.state != "active":
            return
        while (
            reading := directory_reading.read(row, now=self.now)
        ) is not None and reading.state == "running":
            pass

    def follow(self) -> None:
        row = Connection.objects.select_related("unit").get(pk=self.connection.pk)
        if (
            row.state == "active"
            and (run := following.look(row, now=self.now))
            or (run := plans.open_run(row))
        ):
            self.work(run)

    def work(self, run: ProvisioningRun) -> None:
        rows = ProvisioningRun.objects.select_related("unit", "connection", "plan", "started_by")
        while runs.go_on(rows.get(pk=run.pk), now=self.now):
            pass

    def cycle(self) -> None:
        """What a night does; each person who goes must have been allowed to."""
        before = self.removable()
        self.now += timedelta(hours=7)
        self.read()
        self.follow()
        self.check_guard(before)

    def killed_cycle(self) -> None:
        """The same, killed before one of its writes; what was begun is taken up by the next one."""
        before = self.removable()
        self.now += timedelta(hours=7)
        with killed_at_write(self.random.randint(1, 60)):
            self.read()
            self.follow()
        self.check_guard(before)

    def approve(self) -> None:
        if (run := plans.open_run(self.connection)) and run.state == "paused_by_guard":
            runs.approve(run, digest=run.plan.candidates_digest, by=self.company.olga, now=self.now)
            self.work(run)

    # --- what has to be true --------------------------------------------------------------------------------------
    def removable(self) -> tuple[set[int], int]:
        """Who is active by this directory, and how many may go without anybody looking."""
        active = set(self.provided().filter(state=Member.State.ACTIVE).values_list("pk", flat=True))
        return active, max(3, len(active) * 20 // 100)

    def provided(self):
        return self.company.unit.members.filter(came_by=Member.CameBy.DIRECTORY)

    def check_guard(self, before: tuple[set[int], int]) -> None:
        """Nobody goes against the guard: not many at once, and nobody whom the provider still shows."""
        active, allowed = before
        gone = self.provided().filter(pk__in=active).exclude(state=Member.State.ACTIVE)
        assert gone.count() <= allowed
        for member in gone:
            person = member.directory_people.get()
            one = self.people.get(person.employee_id)
            said = one is not None and not one.here
            assert said or person.absences >= 2 or person.deleted_at, (member.email, person.absences)

    def check_converged(self) -> None:
        """Members are who the tenant has, in the roles that the rules give; and the log tells how it came."""
        rule = ProvisioningRule.objects.get(pk=self.coordinators.pk)
        wanted = {}
        for one in self.people.values():
            if one.here:
                lead = one.in_group if rule.kind == "group" else one.department in rule.values
                wanted[one.address] = {"employee", "coordinator"} if lead else {"employee"}
        found = {}
        for member in self.provided().filter(state=Member.State.ACTIVE).exclude(email__contains=".rival@"):
            found[member.email] = set(member.role_grants.values_list("role", flat=True))
        assert found == wanted
        for member in self.provided():
            self.check_log(member)

    def check_log(self, member: Member) -> None:
        verbs = list(
            AuditEvent.objects.filter(subject=member.public_id).order_by("pk").values_list("verb", flat=True)
        )
        assert verbs.count("member.added") == 1
        ended = verbs.count("member.suspended") - verbs.count("member.reinstated")
        assert ended == (member.state == Member.State.SUSPENDED)
        held = verbs.count("role.granted") - verbs.count("role.revoked")
        assert held == RoleGrant.objects.filter(member=member).count()


ACTS: tuple[Callable[[Storm], None], ...] = (
    Storm.add, Storm.add, Storm.rename, Storm.move, Storm.suspend, Storm.delete, Storm.regroup, Storm.edit_rule,
    Storm.jump, Storm.killed_cycle,
)  # fmt: skip


@contextmanager
def killed_at_write(number: int):
    """Let the process die just before its so-many-th write; what is open then is rolled back."""
    left = number

    def watch(execute, sql, params, many, context):
        nonlocal left
        if sql.lstrip()[:6].upper() in {"INSERT", "UPDATE", "DELETE"}:
            left -= 1
            if left == 0:
                raise Killed
        return execute(sql, params, many, context)

    try:
        with database.execute_wrapper(watch):
            yield
    except Killed:
        pass
