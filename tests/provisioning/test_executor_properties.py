"""Whatever happens to a directory and to the portal: nobody goes against the guard, all converges, the log tells."""

from random import Random

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provisioning import rules
from provisioning.models import Plan, ProvisioningRule
from tests import connecting
from tests.people import make_company
from tests.provisioning.storms import ACTS, ADMINISTRATOR, FAULTS, Storm

pytestmark = pytest.mark.django_db
EXAMPLES = pytest.mark.parametrize("examples", [150, pytest.param(2000, marks=pytest.mark.soak)])


@pytest.fixture
def house(providers, settings):
    """A company whose directory is read, with a rule for everybody and one for a group."""
    settings.PROVIDER_TIMEOUT_SECONDS = 0.5
    company = make_company()
    connection = connecting.directory_of_tenant(
        company.unit, ADMINISTRATOR, providers, by=company.olga, extras=("groups",)
    )
    return company, connection


def begun(company, connection, providers, seed: int) -> Storm:
    """Two people of the tenant in a group, everybody read and on board."""
    draft = {"kind": "everybody", "role": "employee", "on_leaving": "suspend", "name": "Everybody"}
    lead = {"kind": "group", "role": "coordinator", "on_leaving": "lose_role", "name": "Leads", "order": 2}
    made = [
        rules.create_rule(connection, one, by=company.olga, now=timezone.now())
        for one in (draft, {**lead, "values": ["not known yet"]})
    ]
    storm = Storm(company, providers, connection, *made, Random(seed))  # noqa: S311 no secret
    for _one in range(3):
        storm.add()
    storm.regroup()
    storm.read()
    made[1].values = [storm.group_id()]
    ProvisioningRule.objects.filter(pk=made[1].pk).update(values=made[1].values)
    ProvisioningRule.objects.filter(pk__in=[rule.pk for rule in made]).update(active=True)
    storm.follow()
    storm.check_converged()
    return storm


def weather(storm: Storm, seeds: list[int]) -> None:
    """One thing after another, and a night after each; now and then a call to the provider goes wrong."""
    for seed in seeds:
        if seed % 3 == 0:
            name, facts = FAULTS[sorted(FAULTS)[seed % len(FAULTS)]]
            storm.providers.fault(name, **facts)
        ACTS[seed % len(ACTS)](storm)
        storm.cycle()


@EXAMPLES
def test_a_directory_is_followed_whatever_happens(house, providers, examples):
    company, connection = house

    @given(st.lists(st.integers(0, 10_000), min_size=1, max_size=3), st.integers(0, 2**32))
    @settings(max_examples=examples, suppress_health_check=list(HealthCheck))
    def follows(seeds, seed):
        with transaction.atomic():
            storm = begun(company, connection, providers, seed)
            try:
                weather(storm, seeds)
                providers.control("DELETE", "faults")
                for _night in range(2):
                    storm.cycle()
                    storm.approve()
                storm.check_converged()
                plans = Plan.objects.count()
                storm.cycle()
                assert Plan.objects.count() == plans
            finally:
                providers.control("DELETE", "faults")
                for one in storm.people.values():
                    if not one.deleted:
                        providers.control("DELETE", f"people/{one.address}")
                transaction.set_rollback(True)

    follows()
