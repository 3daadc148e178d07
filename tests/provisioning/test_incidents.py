"""Incidents that emptied other people's systems, each by name: what happened there cannot happen here."""

import pytest
from django.utils import timezone

from connections import directory_reading
from connections.models import Connection
from orgunits.models import Member
from provisioning import rules
from provisioning.models import Plan, ProvisioningRule
from tests import connecting
from tests.people import make_company
from tests.provisioning.running import looked, members_by_address, planned
from tests.provisioning.storms import ADMINISTRATOR, DOMAIN

pytestmark = pytest.mark.django_db
PEOPLE = 12


@pytest.fixture
def company(providers):
    return make_company()


@pytest.fixture
def connection(company, providers):
    """Twelve people of a tenant, on board by a rule for everybody."""
    row = connecting.directory_of_tenant(
        company.unit, ADMINISTRATOR, providers, by=company.olga, extras=("groups",)
    )
    for number in range(PEOPLE):
        add(providers, number)
    providers.control("POST", "groups", id="all", name="All", members=[address(n) for n in range(PEOPLE)])
    draft = {"kind": "everybody", "role": "employee", "on_leaving": "suspend", "name": "Everybody"}
    rule = rules.create_rule(row, draft, by=company.olga, now=timezone.now())
    ProvisioningRule.objects.filter(pk=rule.pk).update(active=True)
    read(row)
    assert looked(row).state == "succeeded"
    assert active(company) == PEOPLE + 3
    return row


def address(number: int) -> str:
    return f"somebody{number:02}@{DOMAIN}"


def add(providers, number: int) -> None:
    providers.control(
        "POST", "people", id=f"{number:020}", email=address(number), given_name="Some", family_name=f"Body {number}"
    )  # fmt: skip


def read(connection: Connection) -> str:
    """One reading, as far as it comes; answers its state."""
    row = Connection.objects.select_related("unit", "credential").get(pk=connection.pk)
    while (reading := directory_reading.read(row, now=timezone.now())).state == "running":
        pass
    return reading.state


def active(company) -> int:
    return company.unit.members.filter(came_by=Member.CameBy.DIRECTORY, state="active").count()


def night(connection: Connection) -> None:
    read(connection)
    looked(connection)


def nobody_went(company) -> bool:
    return active(company) == PEOPLE + 3 and not company.unit.members.filter(state="suspended").exists()


def test_keycloak_48781_an_empty_answer_after_an_edit_empties_nothing(company, connection, providers):
    rule = ProvisioningRule.objects.get()
    rules.plan_change(rule, {"name": "Edited"}, by=company.olga, now=timezone.now())
    providers.fault("directory_empty", target="users.delta")

    for _night in range(3):
        night(connection)

    assert nobody_went(company)
    assert planned(connection, company.olga).guard_codes == ["empty"]


def test_opnsense_10128_a_directory_that_cannot_be_reached_is_not_empty(company, connection, providers):
    providers.fault("server_error", target="users.delta", status=503)

    for _night in range(3):
        assert read(connection) == "incomplete"
        looked(connection)

    assert nobody_went(company)


@pytest.mark.parametrize("call", ["users.delta", "groups.list", "groups.members", "places.rooms"])
@pytest.mark.parametrize("fault", ["server_error", "truncated", "nonsense"])
def test_gitea_4402_glpi_984_zulip_13130_a_call_that_fails_anywhere_removes_nobody(
    company, connection, providers, call, fault
):
    providers.fault(fault, target=call)
    for number in range(4):
        providers.control("DELETE", f"people/{address(number)}")

    for _night in range(3):
        night(connection)

    assert nobody_went(company)


def test_zulip_13130_a_directory_that_is_too_slow_removes_nobody(company, connection, providers, settings):
    settings.PROVIDER_TIMEOUT_SECONDS = 0.3
    providers.fault("latency", target="graph.microsoft.com", ms=800)

    assert read(connection) == "incomplete"
    looked(connection)

    assert nobody_went(company)


def test_wg_portal_744_a_permission_that_is_lost_looks_like_success_and_removes_nobody(
    company, connection, providers
):
    providers.fault("directory_empty", target="users.delta")
    providers.fault("directory_empty", target="groups.list")

    for _night in range(3):
        night(connection)

    assert nobody_went(company)


def test_ssosync_159_members_whom_no_directory_brought_are_never_touched(company, connection, providers):
    by_hand = set(company.unit.members.exclude(came_by=Member.CameBy.DIRECTORY).values_list("pk", "state"))
    for number in range(2):
        providers.control("DELETE", f"people/{address(number)}")

    for _night in range(3):
        night(connection)

    assert active(company) == PEOPLE + 3 - 2
    now = company.unit.members.exclude(came_by=Member.CameBy.DIRECTORY).values_list("pk", "state")
    assert set(now) == by_hand


def test_idp_scim_sync_70_a_partial_list_after_an_outage_removes_nobody(company, connection, providers):
    providers.fault("server_error", target="users.delta", status=502, times=1)
    night(connection)
    providers.fault("directory_partial", target="users.delta", share=0.4, times=1)
    night(connection)

    night(connection)
    night(connection)

    assert nobody_went(company)
    assert not connection.directory_people.exclude(absences=0).exists()


def test_ssoready_164_bitwarden_764_another_address_is_the_same_person(company, connection, providers):
    before = members_by_address(company)[address(0)]
    providers.control("PATCH", f"people/{address(0)}", email=f"married@{DOMAIN}", family_name="Other")

    night(connection)

    after = members_by_address(company)[f"married@{DOMAIN}"]
    assert (after.pk, after.public_id, after.family_name) == (before.pk, before.public_id, "Other")
    assert active(company) == PEOPLE + 3
    assert not company.unit.members.filter(state="suspended").exists()


def test_ssosync_291_who_left_and_returns_is_the_same_member_with_the_same_id(company, connection, providers):
    before = members_by_address(company)[address(0)]
    providers.control("PATCH", f"people/{address(0)}", suspended=True)
    night(connection)
    gone = Member.objects.get(pk=before.pk).state
    providers.control("PATCH", f"people/{address(0)}", suspended=False)

    night(connection)

    after = members_by_address(company)[address(0)]
    assert gone == "suspended"
    assert (after.pk, after.public_id, after.state) == (before.pk, before.public_id, "active")
    assert after.role_grants.get().role == "employee"


def test_zulip_13130_the_last_ops_admin_is_never_taken_by_a_directory(company, connection, providers):
    """Even approved: a unit keeps an Ops Admin."""
    from orgunits import roles
    from provisioning import runs

    member = members_by_address(company)[address(0)]
    member.user = company.emma
    company.unit.members.filter(user=company.emma).update(user=None)
    member.save()
    roles.grant_role(member, "ops_admin", by=company.olga, now=timezone.now())
    company.unit.members.filter(user=company.olga).update(state="suspended")
    company.olga.is_superuser = False
    providers.control("PATCH", f"people/{address(0)}", suspended=True)
    night(connection)
    run = connection.provisioning_runs.get(state="paused_by_guard")
    assert run.plan.guard_codes == ["ops_admin"]

    company.unit.members.filter(user=company.olga).update(state="active")
    company.unit.members.filter(user=company.olga).first().role_grants.filter(role="ops_admin").update(
        until=timezone.now()
    )
    runs.approve(run, digest=run.plan.candidates_digest, by=company.olga, now=timezone.now())
    from tests.provisioning.running import done

    run = done(run)

    assert run.state == "partial"
    assert run.plan.items.get(result="failed").reason == "last_ops_admin"
    assert Member.objects.get(pk=member.pk).state == "active"


def test_atlassian_2022_a_plan_names_everybody_before_anything_happens(company, connection, providers):
    """Typed ids, a dry run first, and nothing that cannot be undone."""
    for number in range(2):
        providers.control("DELETE", f"people/{address(number)}")
    read(connection)
    read(connection)

    plan = planned(connection, company.olga)

    assert plan.public_id.startswith("pln_")
    assert plan.state == Plan.State.READY
    assert {item.member.email for item in plan.items.filter(action="suspend")} == {address(0), address(1)}
    assert nobody_went(company)
