"""Looking after a connection over real HTTP: what each fault of a provider does to its line, and since when."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from connections import calendar_connections, circuits, health_checks, health_runs, health_settings, jobs
from connections.health import PROBE
from connections.models import CalendarConnection, ConnectionDomain, HealthCheck, Mailbox, PushChannel
from connections.states import State
from orgunits.models import AuditEvent, OrganizationalUnit
from tests.builders import make_members
from tests.connecting import ADMINISTRATORS, connect, delegate, sign_in
from tests.people import MICROSOFT_TENANT, RIVAL_ADMINISTRATOR, make_company
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db

Result = HealthCheck.Result
COLLEAGUE = {"google": "pia.bauer11@kube.example", "microsoft": "paulo.dubois73@sigs.example"}
HOUR = timedelta(hours=1)


@pytest.fixture
def company():
    return make_company()


def working(company, providers, provider: str, mode: str = "read_write") -> CalendarConnection:
    return connect(company.unit, provider, mode, providers, by=company.olga)


def look(connection: CalendarConnection, *, by=None, now=None) -> list[health_runs.Change]:
    connection = CalendarConnection.objects.select_related("unit", "credential").get(pk=connection.pk)
    return health_runs.run_checks(connection, by=by, now=now or timezone.now())


def result(connection: CalendarConnection, name: str) -> tuple[str, str]:
    row = connection.health_checks.get(name=name)
    return row.result, row.code


def choose(company, connection: CalendarConnection, **addresses) -> None:
    health_settings.choose_probes(connection, by=company.olga, now=timezone.now(), **addresses)


# --- a mailbox that must be refused


@pytest.mark.parametrize(
    ("mode", "policy", "expected"),
    [
        ("read_write", True, (Result.WELL, "")),
        ("read_write", False, (Result.FAILING, "policy_does_not_restrict")),
        (
            "free_busy",
            True,
            (Result.FAILING, "policy_cannot_restrict"),
        ),  # as Microsoft says: not this permission
    ],
)
def test_a_mailbox_that_must_be_refused_tells_whether_the_policy_holds(
    company, providers, mode, policy, expected
):
    connection = working(company, providers, "microsoft", mode)
    choose(company, connection, must_be_refused=COLLEAGUE["microsoft"])
    if policy:
        providers.fault("mailbox_policy", target=COLLEAGUE["microsoft"])

    look(connection)

    assert result(connection, health_checks.REFUSED) == expected
    assert CalendarConnection.objects.get(pk=connection.pk).state == State.ACTIVE


def test_a_mailbox_that_is_not_there_proves_no_policy(company, providers):
    connection = working(company, providers, "microsoft")
    choose(company, connection, must_be_refused="nobody.here@sigs.example")

    look(connection)

    assert result(connection, health_checks.REFUSED) == (Result.UNKNOWN, "no_mailbox")


def test_without_such_a_mailbox_the_line_says_how_to_name_one(company, providers):
    connection = working(company, providers, "microsoft")

    look(connection)

    assert result(connection, health_checks.REFUSED) == (Result.NOT_SET_UP, "not_set_up")


# --- a mailbox that must work


def test_a_mailbox_of_ones_choice_is_tried_in_place_of_the_administrators(company, providers):
    connection = working(company, providers, "microsoft")
    providers.fault("mailbox_missing", target=ADMINISTRATORS["microsoft"])
    look(connection)
    assert connection.checks.get(name=PROBE).result == "missing"

    choose(company, connection, test_mailbox=COLLEAGUE["microsoft"])
    look(connection)

    assert connection.checks.get(name=PROBE).result == "granted"


def test_only_the_administrators_own_mailbox_proves_a_domain(company, providers):
    connection = calendar_connections.create_connection(
        company.unit, "microsoft", "free_busy", by=company.olga, now=timezone.now()
    )
    sign_in(connection, ADMINISTRATORS["microsoft"], by=company.olga)
    connection.refresh_from_db()
    choose(company, connection, test_mailbox=COLLEAGUE["microsoft"])
    providers.control(
        "POST", "consents", tenant=MICROSOFT_TENANT, client_id="a0000001-0000-4000-8000-000000000002",
        roles=["Calendars.ReadBasic.All"],
    )  # fmt: skip

    look(connection)

    connection.refresh_from_db()
    assert connection.state == State.ACTIVE
    assert not ConnectionDomain.objects.filter(connection=connection).exists()


# --- a second administrator


def test_a_second_administrator_is_tried_wholly(company, providers):
    connection = working(company, providers, "google")
    choose(company, connection, second_administrator=COLLEAGUE["google"])

    look(connection)

    assert result(connection, health_checks.SECOND) == (Result.WELL, "")


def test_a_second_administrator_who_left_is_told_while_the_first_still_works(company, providers):
    connection = working(company, providers, "google")
    choose(company, connection, second_administrator=COLLEAGUE["google"])
    providers.control("DELETE", f"people/{COLLEAGUE['google']}")

    look(connection)

    assert result(connection, health_checks.SECOND) == (Result.FAILING, "second_refused")
    assert CalendarConnection.objects.get(pk=connection.pk).state == State.ACTIVE


def test_a_second_administrator_is_tried_once_a_day_and_when_a_person_asks(company, providers):
    connection, now = working(company, providers, "google"), timezone.now()
    choose(company, connection, second_administrator=COLLEAGUE["google"])
    look(connection, now=now)
    asked_at = connection.health_checks.get(name=health_checks.SECOND).checked_at

    look(connection, now=now + HOUR)
    assert connection.health_checks.get(name=health_checks.SECOND).checked_at == asked_at

    look(connection, by=company.olga, now=now + HOUR)
    look(connection, now=now + 2 * HOUR)
    assert connection.health_checks.get(name=health_checks.SECOND).checked_at == now + HOUR

    look(connection, now=now + 25 * HOUR)
    assert connection.health_checks.get(name=health_checks.SECOND).checked_at == now + 25 * HOUR


def test_with_the_shared_key_nobody_learns_who_works_in_another_workspace(company, providers, settings):
    settings.GOOGLE_SERVICE_ACCOUNT_FILE = str(providers.home / "service-accounts" / "installation.json")
    connection = working(company, providers, "google")
    CalendarConnection.objects.filter(pk=connection.pk).update(
        credential=None, proof="administrator", second_administrator=RIVAL_ADMINISTRATOR
    )
    connection.refresh_from_db()
    delegate(connection, providers)
    before = len(providers.control("GET", "calls")["calls"])

    look(connection)

    assert result(connection, health_checks.SECOND) == (Result.FAILING, "domain_not_proven")
    calls = providers.control("GET", "calls")["calls"][before:]
    assert calls
    assert "rival.example" not in str(calls)


# --- the clock


@pytest.mark.parametrize("provider", ["google", "microsoft"])
@pytest.mark.parametrize(
    ("seconds", "expected"), [(-45, Result.WARNING), (100, Result.WARNING), (200, Result.FAILING)]
)
def test_a_clock_that_is_off_is_told_before_anything_fails(company, providers, provider, seconds, expected):
    connection = working(company, providers, provider)
    look(connection)
    assert result(connection, health_checks.CLOCK)[0] == Result.WELL

    providers.fault("clock_skew", seconds=seconds)
    look(connection)

    row = connection.health_checks.get(name=health_checks.CLOCK)
    assert row.result == expected
    assert abs(row.facts["skew"] - seconds) <= 3


def test_when_the_clock_is_so_far_off_that_google_refuses_the_line_still_says_why(company, providers):
    connection = working(company, providers, "google")
    providers.fault("clock_skew", seconds=-3600)

    look(connection)

    assert result(connection, health_checks.CLOCK) == (Result.FAILING, "clock_off")


# --- since when


def test_since_stays_while_the_result_stays_and_changes_are_told(company, providers):
    connection, now = working(company, providers, "microsoft"), timezone.now()
    choose(company, connection, must_be_refused=COLLEAGUE["microsoft"])
    OrmQ.objects.all().delete()  # no worker runs here, and nothing shall wait for one
    look(connection, now=now)

    assert look(connection, now=now + HOUR) == []
    assert connection.health_checks.get(name=health_checks.REFUSED).since == now

    providers.fault("mailbox_policy", target=COLLEAGUE["microsoft"])
    changes = look(connection, now=now + 2 * HOUR)

    assert changes == [health_runs.Change(health_checks.REFUSED, Result.FAILING, Result.WELL)]
    assert connection.health_checks.get(name=health_checks.REFUSED).since == now + 2 * HOUR


def test_a_provider_that_does_not_answer_makes_lines_unknown_and_nothing_worse(company, providers):
    connection = working(company, providers, "microsoft")
    choose(company, connection, must_be_refused=COLLEAGUE["microsoft"])
    providers.fault("server_error", status=500)

    look(connection)

    assert result(connection, health_checks.REFUSED)[0] == Result.UNKNOWN
    assert CalendarConnection.objects.get(pk=connection.pk).state == State.ACTIVE


@pytest.mark.parametrize("nonsense", ["nonsense", "truncated"])
def test_nonsense_from_a_provider_stops_no_check(company, providers, nonsense):
    connection = working(company, providers, "google")
    choose(company, connection, second_administrator=COLLEAGUE["google"])
    providers.fault(nonsense)

    look(connection)

    assert result(connection, health_checks.SECOND)[0] == Result.UNKNOWN
    assert connection.health_checks.count() == 9


# --- what our own rows say


def test_the_age_of_data_is_counted_over_all_mailboxes_in_three_queries(
    company, providers, settings, django_assert_num_queries
):
    settings.PUBLIC_URL = "https://portal.example"
    connection, now = working(company, providers, "google"), timezone.now()
    members = make_members(company.unit, [f"p{n}@kube.example" for n in range(5)])
    for number, member in enumerate(members):
        Mailbox.objects.create(
            unit=company.unit, member=member, connection=connection, state="synced",
            last_synced_at=now - timedelta(minutes=number), next_sync_at=now + HOUR,
        )  # fmt: skip

    connection = CalendarConnection.objects.select_related("credential").get(pk=connection.pk)
    with django_assert_num_queries(3):
        found = health_runs.observe(connection, now=now)

    facts = found[health_checks.DATA_AGE].facts
    assert facts["median"] == health_checks.moment(now - timedelta(minutes=2))
    assert facts["oldest"] == health_checks.moment(now - timedelta(minutes=4))
    assert facts["never_read"] == 3  # Olga, Carl and Emma, who have no mailbox there


def test_a_job_that_waits_and_a_mailbox_that_is_due_make_the_queue_old(company, providers):
    connection, now = working(company, providers, "google"), timezone.now()
    OrmQ.objects.all().delete()
    assert health_runs.observe(connection, now=now)[health_checks.QUEUE].result == Result.WELL

    OrmQ.objects.create(key="convoke", payload="x", lock=now - timedelta(minutes=7))

    assert health_runs.observe(connection, now=now)[health_checks.QUEUE].result == Result.WARNING


def test_push_channels_that_ended_without_being_renewed_are_failing(company, providers, settings):
    settings.PUBLIC_URL = "https://portal.example"
    connection, now = working(company, providers, "google"), timezone.now()
    (member,) = make_members(company.unit, ["p@kube.example"])
    box = Mailbox.objects.create(unit=company.unit, member=member, connection=connection, state="synced")
    channel = PushChannel.objects.create(
        unit=company.unit, connection=connection, mailbox=box, provider="google", channel_id="c", state="open",
        expires_at=now + HOUR, due_at=now + HOUR,
    )  # fmt: skip
    assert health_runs.observe(connection, now=now)[health_checks.PUSH].result == Result.WELL

    assert (
        health_runs.observe(connection, now=now + timedelta(minutes=75))[health_checks.PUSH].code
        == "channels_ended"
    )
    PushChannel.objects.filter(pk=channel.pk).update(expires_at=now + 9 * HOUR)
    late = health_runs.observe(connection, now=now + timedelta(minutes=75))
    assert late[health_checks.PUSH].code == "renewal_overdue"


# --- the job


def test_every_working_connection_is_looked_after_each_hour_at_its_own_minute(company, providers):
    connection = working(company, providers, "google")
    jobs.check_health()
    run_waiting_jobs()
    connection.refresh_from_db()
    looked_at = connection.health_checked_at
    assert looked_at is not None

    jobs.check_health()
    jobs.check_health_of(connection.pk)
    run_waiting_jobs()
    connection.refresh_from_db()
    assert connection.health_checked_at == looked_at

    CalendarConnection.objects.update(health_checked_at=looked_at - HOUR)
    jobs.check_health()
    run_waiting_jobs()
    connection.refresh_from_db()
    assert connection.health_checked_at > looked_at


@pytest.mark.parametrize("rest", ["paused", "disconnected", "unit"])
def test_nobody_is_asked_about_what_rests(company, providers, rest):
    connection = working(company, providers, "microsoft")
    if rest == "unit":
        OrganizationalUnit.objects.update(state=OrganizationalUnit.State.PAUSED)
    elif rest == "paused":
        calendar_connections.pause(connection, by=company.olga, now=timezone.now())
    else:
        calendar_connections.disconnect(connection, by=company.olga, now=timezone.now())
    before = providers.control("GET", "state")["calls"]

    assert look(connection, by=company.olga) == []
    jobs.check_health()
    run_waiting_jobs()

    assert providers.control("GET", "state")["calls"] == before


# --- settings


def test_what_was_answered_for_another_address_is_forgotten(company, providers):
    connection = working(company, providers, "microsoft")
    choose(company, connection, must_be_refused=COLLEAGUE["microsoft"])
    look(connection)

    choose(company, connection, must_be_refused="nobody.here@sigs.example")

    assert not connection.health_checks.filter(name=health_checks.REFUSED).exists()
    event = AuditEvent.objects.filter(verb="connection.probes_chosen").latest("pk")
    assert event.facts == {"fields": ["must_be_refused"]}


def test_telling_the_end_of_a_key_begins_its_warnings_anew(company, providers):
    connection, today = working(company, providers, "google"), timezone.now().date()
    key = connection.credential
    type(key).objects.update(secret_ends_on=today, warned_days=3)

    health_settings.tell_end(key, today + timedelta(days=90), by=company.olga, now=timezone.now())
    health_settings.tell_end(key, today + timedelta(days=90), by=company.olga, now=timezone.now())

    key.refresh_from_db()
    assert (key.secret_ends_on, key.warned_days) == (today + timedelta(days=90), None)
    assert AuditEvent.objects.filter(verb="key.end_told").count() == 1


def test_while_the_provider_is_down_only_a_person_has_it_asked(company, providers):
    connection, now = working(company, providers, "microsoft"), timezone.now()
    circuits.be_patient(connection, until=now + HOUR)
    before = providers.control("GET", "state")["calls"]

    look(connection, now=now)
    assert providers.control("GET", "state")["calls"] == before
    assert result(connection, health_checks.CIRCUIT) == (Result.WARNING, "slowed")

    look(connection, by=company.olga, now=now)
    assert providers.control("GET", "state")["calls"] > before
