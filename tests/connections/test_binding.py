"""A key that several units share never gives one of them what was granted for another."""

import json

import pytest
from django.test import override_settings
from django.utils import timezone

from connections import calendar_connections, domains, health, mailboxes, slices
from connections.attempts import Purpose, Refused
from connections.credentials import KeyNotAccepted, installation_key, keep_registration, keep_service_account
from connections.models import BusyPeriod, CalendarConnection, Mailbox, MemberCalendar
from connections.providers.base import AuthorizationLost
from connections.services import calendar_service
from orgunits.models import OrganizationalUnit
from tests.builders import make_members
from tests.connecting import consent, delegate, sign_in
from tests.people import (
    GOOGLE_ADMINISTRATOR,
    GOOGLE_EMPLOYEE,
    MICROSOFT_ADMINISTRATOR,
    RIVAL_ADMINISTRATOR,
    Company,
    make_company,
)
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db

COLLEAGUE = "pia.bauer11@kube.example"
MICROSOFT_EMPLOYEE = "paulo.dubois73@sigs.example"
MICROSOFT_COLLEAGUE = "lucas.hansen68@sigs.example"


def create(unit: OrganizationalUnit, provider: str, by) -> CalendarConnection:
    return calendar_connections.create_connection(unit, provider, "free_busy", by=by, now=timezone.now())


def shared_google(providers) -> Company:
    """A company whose connection works through the installation's service account."""
    company = make_company()
    connection = create(company.unit, "google", company.olga)
    assert connection.credential is None
    sign_in(connection, GOOGLE_ADMINISTRATOR, by=company.olga, purpose=Purpose.PROVE_ADMINISTRATOR)
    connection.refresh_from_db()
    delegate(connection, providers)
    assert health.check_connection(connection, by=company.olga, now=timezone.now()).works
    return company


def shared_microsoft(providers) -> Company:
    """A company whose connection works through the installation's app registration."""
    company = make_company()
    connection = create(company.unit, "microsoft", company.olga)
    sign_in(connection, MICROSOFT_ADMINISTRATOR, by=company.olga)
    connection.refresh_from_db()
    consent(connection, by=company.olga)
    connection.refresh_from_db()
    assert health.check_connection(connection, by=company.olga, now=timezone.now()).works
    return company


def nothing_was_read(unit: OrganizationalUnit) -> bool:
    return not (
        BusyPeriod.objects.filter(member__unit=unit).exists()
        or MemberCalendar.objects.filter(unit=unit).exists()
    )


# --- Sven: an employee of kube.example, and Ops Admin of a unit that has nothing to do with it


def test_an_employees_sign_in_opens_nothing_of_the_company_although_the_key_is_delegated(providers):
    company = shared_google(providers)
    make_members(company.stranger_unit, [COLLEAGUE])

    connection = create(company.stranger_unit, "google", company.sven)
    sign_in(connection, GOOGLE_EMPLOYEE, by=company.sven)
    connection.refresh_from_db()
    verdict = health.check_connection(connection, by=company.sven, now=timezone.now())

    assert (verdict.works, verdict.reason) == (False, "not_bound")
    assert (connection.tenant, connection.proof, connection.state) == ("kube.example", "", "pending")
    with pytest.raises(AuthorizationLost):
        calendar_service(connection)
    assert nothing_was_read(company.stranger_unit)


def test_an_employee_can_neither_prove_it_nor_verify_the_domain(providers):
    company = shared_google(providers)
    connection = create(company.stranger_unit, "google", company.sven)
    sign_in(connection, GOOGLE_EMPLOYEE, by=company.sven)
    connection.refresh_from_db()

    with pytest.raises(Refused, match="not_an_administrator"):
        sign_in(connection, GOOGLE_EMPLOYEE, by=company.sven, purpose=Purpose.PROVE_ADMINISTRATOR)
    row = domains.add_domain(connection, "kube.example", by=company.sven, now=timezone.now())
    with pytest.raises(AuthorizationLost):
        domains.verify_domain(row, now=timezone.now())
    assert not domains.bind_by_dns(connection, by=company.sven, now=timezone.now())

    connection.refresh_from_db()
    row.refresh_from_db()
    assert (connection.proof, row.verified) == ("", "")


def test_the_dns_record_of_another_unit_proves_nothing_here(providers):
    company = shared_google(providers)
    theirs = create(company.unit, "google", company.olga)
    olgas = domains.add_domain(theirs, "kube.example", by=company.olga, now=timezone.now())
    connection = create(company.stranger_unit, "google", company.sven)
    sign_in(connection, GOOGLE_EMPLOYEE, by=company.sven)
    connection.refresh_from_db()
    svens = domains.add_domain(connection, "kube.example", by=company.sven, now=timezone.now())

    providers.control("POST", "dns", name="_convoke.kube.example", txt=[olgas.dns_token])

    assert not domains.bind_by_dns(connection, by=company.sven, now=timezone.now())
    providers.control("POST", "dns", name="_convoke.kube.example", txt=[olgas.dns_token, svens.dns_token])
    assert domains.bind_by_dns(connection, by=company.sven, now=timezone.now())


def test_an_employees_sign_in_at_microsoft_reaps_no_consent_already_given(providers):
    company = shared_microsoft(providers)
    make_members(company.stranger_unit, [MICROSOFT_COLLEAGUE])

    connection = create(company.stranger_unit, "microsoft", company.sven)
    sign_in(connection, MICROSOFT_EMPLOYEE, by=company.sven)
    connection.refresh_from_db()
    verdict = health.check_connection(connection, by=company.sven, now=timezone.now())

    assert (verdict.works, verdict.reason) == (False, "not_bound")
    assert (connection.proof, connection.state) == ("", "pending")
    assert nothing_was_read(company.stranger_unit)


def test_an_employee_at_microsofts_consent_page_is_no_administrator(providers):
    company = shared_microsoft(providers)
    connection = create(company.stranger_unit, "microsoft", company.sven)
    sign_in(connection, MICROSOFT_EMPLOYEE, by=company.sven)
    connection.refresh_from_db()

    with pytest.raises(AssertionError, match="Need admin approval"):
        consent(connection, MICROSOFT_EMPLOYEE, by=company.sven)

    connection.refresh_from_db()
    assert (connection.consented_at, connection.proof) == (None, "")


def test_the_consents_return_alone_binds_nothing(providers):
    """Somebody else agrees in the same browser after an employee signed in: still nobody proved anything."""
    company = shared_microsoft(providers)
    connection = create(company.stranger_unit, "microsoft", company.sven)
    sign_in(connection, MICROSOFT_EMPLOYEE, by=company.sven)
    connection.refresh_from_db()
    consent(connection, MICROSOFT_ADMINISTRATOR, by=company.sven)
    connection.refresh_from_db()

    assert connection.proof == ""
    assert not health.check_connection(connection, by=company.sven, now=timezone.now()).works


# --- Rosa: truly an administrator, but of another tenant


def rivals_google(company: Company, providers) -> CalendarConnection:
    """Rosa proves her own Workspace in the stranger's unit, and delegates the shared key there."""
    connection = create(company.stranger_unit, "google", company.sven)
    sign_in(connection, RIVAL_ADMINISTRATOR, by=company.sven, purpose=Purpose.PROVE_ADMINISTRATOR)
    connection.refresh_from_db()
    assert (connection.tenant, connection.proof) == ("rival.example", "administrator")
    scopes = calendar_connections.scopes_for("google", connection.mode).organization
    client_id = installation_key("google", "service_account").client_id
    providers.control("POST", "delegation", client_id=client_id, scopes=list(scopes), tenant="rival.example")
    assert health.check_connection(connection, by=company.sven, now=timezone.now()).works
    connection.refresh_from_db()
    return connection


def test_a_rivals_administrator_cannot_verify_the_companys_domain(providers):
    """The shared key answers for kube.example too, since the company delegated it: that is no proof here."""
    company = shared_google(providers)
    connection = rivals_google(company, providers)
    make_members(company.stranger_unit, [COLLEAGUE])

    row = domains.add_domain(connection, "kube.example", by=company.sven, now=timezone.now())

    assert not domains.verify_domain(row, now=timezone.now())
    row.refresh_from_db()
    assert row.verified == ""


def test_a_rivals_connection_chosen_by_hand_reads_nobody_of_the_company(providers):
    company = shared_google(providers)
    connection = rivals_google(company, providers)
    (victim,) = make_members(company.stranger_unit, [COLLEAGUE])

    mailboxes.set_override(victim, connection, by=company.sven, now=timezone.now())
    run_waiting_jobs()
    box = Mailbox.objects.get(member=victim)
    slices.read_slice(connection, [box.pk], asked_at=timezone.now(), now=timezone.now())

    box.refresh_from_db()
    assert not BusyPeriod.objects.filter(member=victim).exists()
    assert (box.state, box.failure) == (Mailbox.State.FAILING, Mailbox.Failure.REFUSED)


def test_what_one_tenant_proved_is_not_carried_into_another(providers):
    company = make_company()
    connection = create(company.stranger_unit, "google", company.sven)
    sign_in(connection, GOOGLE_ADMINISTRATOR, by=company.sven, purpose=Purpose.PROVE_ADMINISTRATOR)

    sign_in(connection, RIVAL_ADMINISTRATOR, by=company.sven, purpose=Purpose.PROVE_ADMINISTRATOR)

    connection.refresh_from_db()
    assert dict(connection.domains.values_list("domain", "verified")) == {
        "kube.example": "",
        "rival.example": "directory",
    }


def test_a_rivals_connection_still_reads_its_own_people(providers):
    company = shared_google(providers)
    connection = rivals_google(company, providers)
    make_members(company.stranger_unit, [RIVAL_ADMINISTRATOR])
    mailboxes.assign(company.stranger_unit, now=timezone.now())

    run_waiting_jobs()

    box = Mailbox.objects.get(member__email=RIVAL_ADMINISTRATOR)
    assert (box.connection, box.state) == (connection, Mailbox.State.SYNCED)


def test_a_rivals_microsoft_tenant_knows_nobody_of_the_company(providers):
    company = shared_microsoft(providers)
    connection = create(company.stranger_unit, "microsoft", company.sven)
    sign_in(connection, "rosa.rival@rival-ms.example", by=company.sven)
    connection.refresh_from_db()
    consent(connection, "rosa.rival@rival-ms.example", by=company.sven)
    connection.refresh_from_db()
    assert health.check_connection(connection, by=company.sven, now=timezone.now()).works
    connection.refresh_from_db()
    (victim,) = make_members(company.stranger_unit, [MICROSOFT_COLLEAGUE])

    row = domains.add_domain(connection, "sigs.example", by=company.sven, now=timezone.now())
    verified = domains.verify_domain(row, now=timezone.now())
    mailboxes.set_override(victim, connection, by=company.sven, now=timezone.now())
    run_waiting_jobs()

    assert not verified
    assert not BusyPeriod.objects.filter(member=victim).exists()


# --- keys of one's own


def test_a_key_belongs_to_one_unit(providers):
    company = make_company()
    now = timezone.now()
    key = (providers.home / "service-accounts" / "kube-community.json").read_text()
    keep_service_account(company.unit, key, by=company.olga, now=now)

    with pytest.raises(KeyNotAccepted, match="in_use"):
        keep_service_account(company.stranger_unit, key, by=company.sven, now=now)

    assert company.stranger_unit.credentials.count() == 0


def test_the_installations_own_key_cannot_become_a_units(providers):
    company = make_company()
    key = (providers.home / "service-accounts" / "installation.json").read_text()

    with pytest.raises(KeyNotAccepted, match="in_use"):
        keep_service_account(company.stranger_unit, key, by=company.sven, now=timezone.now())


@pytest.mark.parametrize("permission_set", ["calendar_free_busy", "calendar_read_write"])
def test_no_registration_of_the_installation_can_become_a_units_whatever_it_is_for(providers, permission_set):
    """A registration kept under another permission set, or in another spelling, is the same registration."""
    company = make_company()

    for client_id in (
        "a0000001-0000-4000-8000-000000000001",
        "a0000001-0000-4000-8000-000000000002",
        "A0000001-0000-4000-8000-000000000002",
    ):
        with pytest.raises(KeyNotAccepted, match="in_use"):
            keep_registration(
                company.stranger_unit, permission_set, client_id, "s", by=company.sven, now=timezone.now()
            )


def test_an_installation_whose_key_file_comes_later_is_protected_from_then_on(providers, tmp_path):
    company = make_company()
    text = (providers.home / "service-accounts" / "kube-community.json").read_text()
    file = tmp_path / "installation.json"

    with override_settings(GOOGLE_SERVICE_ACCOUNT_FILE=str(file)):
        assert installation_key("google", "service_account") is None
        file.write_text(text)
        assert installation_key("google", "service_account").client_id == json.loads(text)["client_id"]
        with pytest.raises(KeyNotAccepted, match="in_use"):
            keep_service_account(company.stranger_unit, text, by=company.sven, now=timezone.now())


def test_the_key_of_an_installation_that_changes_its_key_is_still_not_a_units(providers, tmp_path):
    company = make_company()
    other = (providers.home / "service-accounts" / "kube-community.json").read_text()
    file = tmp_path / "new-installation.json"
    file.write_text(other)

    installed = override_settings(GOOGLE_SERVICE_ACCOUNT_FILE=str(file))
    with installed, pytest.raises(KeyNotAccepted, match="in_use"):
        keep_service_account(company.stranger_unit, other, by=company.sven, now=timezone.now())


def test_an_own_key_that_nobody_delegated_opens_nothing(providers):
    company = shared_google(providers)
    key = (providers.home / "service-accounts" / "kube-community.json").read_text()
    keep_service_account(company.stranger_unit, key, by=company.sven, now=timezone.now())
    connection = create(company.stranger_unit, "google", company.sven)

    sign_in(connection, GOOGLE_EMPLOYEE, by=company.sven)
    connection.refresh_from_db()
    verdict = health.check_connection(connection, by=company.sven, now=timezone.now())

    assert (connection.proof, verdict.works, verdict.reason) == ("own_key", False, "not_delegated")


def test_going_back_to_the_shared_key_asks_for_proof_anew(providers):
    company = shared_google(providers)
    key = (providers.home / "service-accounts" / "kube-community.json").read_text()
    keep_service_account(company.stranger_unit, key, by=company.sven, now=timezone.now())
    connection = create(company.stranger_unit, "google", company.sven)
    sign_in(connection, GOOGLE_EMPLOYEE, by=company.sven)
    connection.refresh_from_db()

    calendar_connections.use_key(connection, None, by=company.sven, now=timezone.now())

    assert not health.check_connection(connection, by=company.sven, now=timezone.now()).works
    with pytest.raises(AuthorizationLost):
        calendar_service(connection)
