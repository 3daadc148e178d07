"""A worker that is killed in the middle of a run: the run goes on, and each person comes exactly once."""

from collections import Counter

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from connections.models import DirectoryPerson
from orgunits.models import AuditEvent, Member, RoleGrant
from provisioning import plans
from provisioning.models import PlanItem, ProvisioningRun, RuleGrant
from tests.dying import cluster, eventually, kill, process
from tests.people import make_company
from tests.provisioning.organization import DATES, people
from tests.provisioning.running import directory_of, everybody_rule, planned, tell, was_read

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_run_over_the_whole_organization_survives_the_death_of_its_workers():
    company = make_company()
    connection = directory_of(company)
    for one in people(DATES[-1]).values():
        tell(connection, one.address, given_name=one.given_name, family_name=one.family_name)
    was_read(connection)
    everybody_rule(connection, company.olga)
    plan = planned(connection, company.olga)
    assert plan.counts["add"] == len(people(DATES[-1])) == 1489
    run = plans.apply_plan(plan, by=company.olga, now=timezone.now())
    done = plan.items.filter(result=PlanItem.Result.DONE)

    with process("manage.py", "watchdog", "--patience", "5") as watchdog:
        eventually(done.exists)
        kill(cluster(watchdog))
        middle = done.count()
        eventually(lambda: ProvisioningRun.objects.get(pk=run.pk).state == "succeeded", seconds=150)
        eventually(lambda: not OrmQ.objects.exists())

    assert 0 < middle < 1489
    members = company.unit.members.filter(came_by=Member.CameBy.DIRECTORY)
    assert sorted(members.values_list("email", flat=True)) == sorted(
        one.address for one in people(DATES[-1]).values()
    )
    keys = list(members.values_list("pk", flat=True))
    assert set(DirectoryPerson.objects.values_list("member", flat=True)) == set(keys)
    for rows in (RoleGrant, RuleGrant):
        held = Counter(rows.objects.filter(member__in=keys).values_list("member", flat=True))
        assert set(held.values()) == {1}
        assert len(held) == 1489
    told = Counter(AuditEvent.objects.filter(verb="member.added").values_list("subject", flat=True))
    assert {told[public_id] for public_id in members.values_list("public_id", flat=True)} == {1}
