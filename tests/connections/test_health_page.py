"""A connection's health as people see it: one line a check, what helps, checking now, and saying what to try."""

from datetime import timedelta

import pytest
from django.utils import timezone

from connections import health_checks
from connections.health_words import TITLES
from connections.models import CalendarConnection, Credential, Mailbox
from orgunits.models import OrganizationalUnit
from tests.builders import make_members
from tests.connecting import ADMINISTRATORS
from tests.connections.health_pages import Page

pytestmark = pytest.mark.django_db

COLLEAGUE = "paulo.dubois73@sigs.example"


@pytest.fixture
def page(providers) -> Page:
    return Page(providers)


@pytest.fixture
def google(providers) -> Page:
    return Page(providers, "google", "free_busy")


# --- the lines


def test_there_is_a_line_for_each_scope_and_each_check(page):
    page.post("connection_check")

    lines = page.lines()
    of_others = {health_checks.SECOND, health_checks.DIRECTORY}  # Google's, and a directory's
    assert set(lines) == {"Calendars.ReadWrite", "probe:mailbox", *TITLES} - of_others
    assert lines["Calendars.ReadWrite"].result == "well"
    assert lines["probe:mailbox"].subject == ADMINISTRATORS["microsoft"]
    assert all(line.word for line in lines.values())


def test_before_anybody_looked_the_lines_say_so(page):
    page.connection.health_checks.all().delete()

    assert page.lines()[health_checks.CLOCK].word == "Not checked yet"


def test_a_failing_line_says_since_when_why_who_can_fix_it_and_what_happens_meanwhile(page):
    page.post("connection_probes", must_be_refused=COLLEAGUE)
    page.post("connection_check")

    words = page.words()
    assert f"A mailbox that must be refused {COLLEAGUE} Failing" in words
    assert "It answered: the policy does not restrict this application." in words
    assert "So since" in words
    assert "Who can do that an administrator of the Google or Microsoft tenant" in words
    assert "takes more than an hour to apply" in words
    assert "Meanwhile The permission reaches this mailbox too." in words


def test_free_busy_says_that_no_policy_restricts_it(providers):
    page = Page(providers, "microsoft", "free_busy")
    page.post("connection_probes", must_be_refused=COLLEAGUE)
    page.post("connection_check")

    assert "Microsoft does not list Calendars.ReadBasic.All" in page.words()
    assert "Microsoft announces nothing in Free/Busy" in page.words()


def test_what_our_own_rows_say_is_true_at_the_moment_the_page_is_opened(page):
    page.post("connection_check")
    (member,) = make_members(page.company.unit, [COLLEAGUE])
    Mailbox.objects.create(
        unit=page.company.unit,
        member=member,
        connection=page.connection,
        state="synced",
        last_synced_at=timezone.now() - timedelta(days=2),
        next_sync_at=timezone.now() + timedelta(hours=1),
    )

    line = page.lines()[health_checks.DATA_AGE]

    assert (line.result, line.since) == ("failing", None)  # the stored one was another
    assert "What we know of some calendars is older than it should be." in page.words()


def test_the_page_takes_no_more_queries_for_more_members(page, django_assert_max_num_queries):
    def grow(number: int) -> None:
        addresses = [f"p{number}-{n}@none.example" for n in range(number)]
        for member in make_members(page.company.unit, addresses):
            Mailbox.objects.create(
                unit=page.company.unit, member=member, connection=page.connection, state="synced",
                last_synced_at=timezone.now(), next_sync_at=timezone.now(),
            )  # fmt: skip

    page.post("connection_check")
    for number in (1, 30):
        grow(number)
        page.client.get(page.url("connection"))
        with django_assert_max_num_queries(17):  # five of them for the frame, three for the last events
            page.client.get(page.url("connection"))


def test_a_connection_without_access_has_no_health_to_look_after(page):
    CalendarConnection.objects.filter(pk=page.connection.pk).update(
        provider="none", mode="no_access", credential=None
    )

    assert page.client.get(page.url("connection")).context["health"] == []
    assert page.client.get(page.url("health_report")).status_code == 404
    assert page.client.post(page.url("connection_check")).status_code == 404


# --- check now


def test_checking_now_says_what_changed(page):
    page.post("connection_probes", must_be_refused=COLLEAGUE)
    page.post("connection_check")
    page.providers.fault("mailbox_policy", target=COLLEAGUE)

    told = page.post("connection_check").content.decode()

    assert "A mailbox that must be refused: failing, now well." in told
    assert "Nothing changed" in page.post("connection_check").content.decode()


def test_nobody_storms_a_provider_by_checking(page):
    page.post("connection_check")
    calls = page.providers.control("GET", "state")["calls"]
    for _ in range(10):
        answer = page.client.post(page.url("connection_check"))

    assert answer.status_code == 429
    assert page.providers.control("GET", "state")["calls"] > calls


def test_a_paused_unit_or_connection_is_not_asked(page):
    OrganizationalUnit.objects.filter(pk=page.company.unit.pk).update(state=OrganizationalUnit.State.PAUSED)
    calls = page.providers.control("GET", "state")["calls"]

    answer = page.post("connection_check")

    assert "Nothing is asked while it is paused." in answer.content.decode()
    assert page.providers.control("GET", "state")["calls"] == calls


def test_a_coordinator_sees_health_and_changes_nothing(page):
    carl = page.signed_in(page.company.carl)

    shown = carl.get(page.url("connection")).content.decode()

    assert "Health" in shown
    assert page.url("health_report") in shown
    assert page.url("connection_check") not in shown
    assert carl.post(page.url("connection_check")).status_code == 403
    assert carl.get(page.url("connection_probes")).status_code == 403
    assert carl.get(page.url("health_report")).status_code == 200


# --- what to try


def test_mailboxes_to_try_are_kept_and_shown_again(page):
    page.post("connection_probes", test_mailbox=COLLEAGUE.upper(), must_be_refused="")

    page.connection.refresh_from_db()
    assert page.connection.test_mailbox == COLLEAGUE
    assert f'value="{COLLEAGUE}"' in page.client.get(page.url("connection_probes")).content.decode()


@pytest.mark.parametrize(
    ("entered", "field", "error"),
    [
        ({"test_mailbox": "nobody"}, "test_mailbox", "valid email"),
        ({"must_be_refused": ADMINISTRATORS["microsoft"]}, "must_be_refused", "cannot be refused as well"),
        (
            {"test_mailbox": COLLEAGUE, "must_be_refused": COLLEAGUE},
            "must_be_refused",
            "cannot be refused as well",
        ),
    ],
)
def test_a_mailbox_that_cannot_be_tried_so_is_an_error_at_its_field(page, entered, field, error):
    answer = page.client.post(page.url("connection_probes"), entered)

    assert answer.status_code == 422
    assert error in str(answer.context["form"].errors[field])
    page.connection.refresh_from_db()
    assert (page.connection.test_mailbox, page.connection.must_be_refused) == ("", "")


def test_the_first_administrator_is_no_second_one(google):
    answer = google.client.post(
        google.url("connection_probes"), {"second_administrator": ADMINISTRATORS["google"]}
    )

    assert answer.status_code == 422
    assert "must_be_refused" not in answer.context["form"].fields


def test_with_the_shared_key_only_the_tenants_own_domains_can_be_tried(google):
    CalendarConnection.objects.filter(pk=google.connection.pk).update(credential=None, proof="administrator")

    answer = google.client.post(
        google.url("connection_probes"), {"second_administrator": "rosa@rival.example"}
    )

    assert answer.status_code == 422
    assert "Nothing proves" in str(answer.context["form"].errors["second_administrator"])


# --- when the secret ends


def test_the_end_of_the_units_own_key_is_entered_shown_and_warned_of(google):
    ends_on = timezone.now().date() + timedelta(days=20)
    assert google.lines()[health_checks.SECRET].code == "end_not_told"

    google.post("secret_end", ends_on=ends_on.isoformat())

    assert Credential.objects.get().secret_ends_on == ends_on
    assert google.lines()[health_checks.SECRET].code == "secret_ends_soon"


@pytest.mark.parametrize("entered", ["2020-01-01", "9999-12-31", "tomorrow", "2026-02-30"])
def test_a_day_that_is_none_or_over_is_an_error_at_its_field(google, entered):
    answer = google.client.post(google.url("secret_end"), {"ends_on": entered})

    assert answer.status_code == 422
    assert answer.context["form"].errors["ends_on"]
    assert Credential.objects.get().secret_ends_on is None


def test_the_installations_key_is_told_by_its_settings(page, settings):
    assert page.lines()[health_checks.SECRET].code == "end_not_told_by_operator"
    assert page.client.get(page.url("secret_end")).url == page.url("connection") + "#health"

    ends_on = timezone.now().date() + timedelta(days=5)
    settings.INSTALLATION_SECRET_ENDS = {"calendar_read_write": ends_on}

    assert page.lines()[health_checks.SECRET].code == "secret_ends_soon_of_operator"


def test_where_each_member_authorizes_alone_nobody_looks_for_the_organizations_grant(google):
    CalendarConnection.objects.filter(pk=google.connection.pk).update(personal=True)
    google.connection.health_checks.all().delete()
    google.connection.checks.all().delete()
    calls = google.providers.control("GET", "state")["calls"]

    google.post("connection_check")

    assert google.providers.control("GET", "state")["calls"] == calls
    own = {health_checks.PUSH, health_checks.LAST_GOOD, health_checks.DATA_AGE, health_checks.QUEUE}
    assert set(google.lines()) == own | {health_checks.RETRY, health_checks.CIRCUIT}
