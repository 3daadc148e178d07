"""The audit page: filters in the URL, lines in words, the same as CSV, and nothing of another unit."""

import csv
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connections import calendar_connections
from orgunits import audit, roles
from orgunits.audit_log import events_about
from orgunits.models import AuditEvent, AuditName
from tests.people import Company, make_user, signed_in

pytestmark = pytest.mark.django_db


def log_of(company: Company, **asked):
    """The page as Olga sees it."""
    cache.clear()
    return signed_in(company.olga).get(reverse("audit_log", args=[company.unit.slug]), asked)


def verbs(page) -> list[str]:
    return [line.event.verb for line in page.context["events"]]


def export_of(company: Company, **asked) -> list[list[str]]:
    answer = signed_in(company.olga).get(reverse("audit_export", args=[company.unit.slug]), asked)
    return list(csv.reader(b"".join(answer.streaming_content).decode().splitlines()))


def test_the_page_shows_the_newest_first_in_pages_and_no_other_units_events(company):
    emma, now = company.member(company.emma), timezone.now()
    for number in range(120):
        audit.record(company.unit, f"act {number}", emma, by=company.olga, now=now)
    audit.record(company.stranger_unit, "secret act", company.stranger_unit, by=company.sven, now=now)
    client, url = signed_in(company.olga), reverse("audit_log", args=[company.unit.slug])

    first = client.get(url)
    second = client.get(url + first.context["next_url"])

    seen = [*verbs(first), *verbs(second)]
    assert seen[:120] == [f"act {number}" for number in reversed(range(120))]
    assert len(verbs(first)) == 100
    assert "secret act" not in seen
    assert len(seen) == company.unit.audit_events.count()


def test_an_event_written_late_stands_where_its_time_puts_it(company):
    emma, now = company.member(company.emma), timezone.now()
    audit.record(company.unit, "later", emma, by=company.olga, now=now)
    audit.record(company.unit, "earlier", emma, by=company.olga, now=now - timedelta(days=400))

    assert verbs(log_of(company))[0] == "later"
    assert verbs(log_of(company))[-1] == "earlier"


def test_an_erased_person_is_shown_by_their_id_alone_and_found_by_it(company):
    emma = company.member(company.emma)
    AuditName.objects.filter(subject=emma.public_id).delete()

    page = log_of(company, object=emma.public_id)

    assert emma.public_id in page.content.decode()
    assert "Emma" not in page.content.decode()
    assert set(verbs(page)) == {"member.added", "role.granted"}


@pytest.mark.parametrize("after", ["", "nonsense", "W10=", "WyJ4Il0=", "é", "WyIyMDI2LTAxLTAxIiwgMV0="])
def test_a_place_in_the_log_that_is_none_of_ours_shows_the_beginning(company, after):
    assert len(verbs(log_of(company, after=after))) == company.unit.audit_events.count()


# --- filters


@pytest.mark.parametrize("who", ["Carl", "carl", "arl", " Carl "])
def test_who_did_it_is_found_by_name(company, who):
    now = timezone.now()
    audit.record(company.unit, "by carl", company.member(company.emma), by=company.carl, now=now)

    assert verbs(log_of(company, actor=who)) == ["by carl"]


def test_who_did_it_is_found_by_id_and_the_portal_as_system(company):
    now, emma = timezone.now(), company.member(company.emma)
    audit.record(company.unit, "by carl", emma, by=company.carl, now=now)
    audit.record(company.unit, "by itself", emma, by=None, now=now)

    assert verbs(log_of(company, actor=company.carl.public_id)) == ["by carl"]
    assert verbs(log_of(company, actor="system")) == ["by itself"]


def test_a_name_of_another_unit_finds_nothing(company):
    page = log_of(company, actor="Sven")

    assert verbs(page) == []
    assert "No event matches this filter" in page.content.decode()


@pytest.mark.parametrize("action", ["role.granted", "access"])
def test_an_action_or_a_category_narrows(company, action):
    assert set(verbs(log_of(company, action=action))) == {"role.granted"}


def test_what_it_was_about_is_found_by_name(company):
    assert set(verbs(log_of(company, object="emma"))) == {"member.added", "role.granted"}
    assert log_of(company, object="emma").context["events"][0].subject.words == "Emma"


def test_days_are_those_of_the_viewers_zone_and_both_ends_count(company):
    company.olga.time_zone = "Pacific/Auckland"  # 13 hours ahead of UTC in November
    company.olga.save()
    emma = company.member(company.emma)
    for verb, moment in {
        "day before": datetime(2026, 11, 19, 10, 59, tzinfo=UTC),
        "first minute": datetime(2026, 11, 19, 11, 0, tzinfo=UTC),
        "last minute": datetime(2026, 11, 20, 10, 59, tzinfo=UTC),
        "day after": datetime(2026, 11, 20, 11, 0, tzinfo=UTC),
    }.items():
        audit.record(company.unit, verb, emma, by=company.olga, now=moment)

    page = log_of(company, since="2026-11-20", until="2026-11-20")

    assert verbs(page) == ["last minute", "first minute"]
    assert "Pacific/Auckland" in page.content.decode()


def test_origin_narrows(company):
    with audit.coming_from(AuditEvent.Origin.SUPPORT):
        audit.record(company.unit, "looked", company.unit, by=company.olga, now=timezone.now())

    assert verbs(log_of(company, origin="support")) == ["looked"]


@pytest.mark.parametrize(
    "asked", [{"since": "yesterday"}, {"until": "9999-12-31"}, {"action": "nonsense"}, {"actor": "a\0b"}]
)
def test_what_cannot_be_meant_is_said_at_the_field_and_shows_nothing(company, asked):
    page = log_of(company, **asked)

    assert page.status_code == 422
    assert verbs(page) == []
    assert 'class="field-error"' in page.content.decode()


def test_the_next_page_keeps_the_filter(company):
    emma, now = company.member(company.emma), timezone.now()
    for _number in range(150):
        audit.record(company.unit, "role.granted", emma, by=company.carl, now=now)
    client, url = signed_in(company.olga), reverse("audit_log", args=[company.unit.slug])

    first = client.get(url, {"actor": "Carl"})
    second = client.get(url + first.context["next_url"])

    assert len(verbs(first)) + len(verbs(second)) == 150
    assert second.context["first_url"] == "?actor=Carl"


# --- lines in words


def test_codes_are_said_in_words_and_objects_lead_to_their_pages(company):
    row = calendar_connections.create_connection(
        company.unit, "google", "free_busy", by=company.olga, now=timezone.now()
    )

    page = log_of(company, object=row.public_id).content.decode()

    url = reverse("connection", args=[company.unit.slug, row.public_id])
    assert f'<a href="{url}">' in page
    assert "Google Workspace" in page
    assert "Free/Busy" in page
    assert "free_busy" not in page


def test_what_changed_is_shown_as_before_and_after(company):
    audit.record(
        company.unit,
        "unit.renamed",
        company.unit,
        by=company.olga,
        now=timezone.now(),
        before={"role": "employee", "works": False},
        after={"role": "coordinator", "works": True, "until": "2027-01-02T03:04:00+00:00"},
    )

    (line,) = log_of(company, action="unit.renamed").context["events"]

    said = [(c.label, c.before and c.before.words, c.after and c.after.words) for c in line.changes]
    assert said[:2] == [("Role", "Employee", "Scheduling Coordinator"), ("Works", "no", "yes")]
    assert said[2][:2] == ("Ends", None)
    assert "2 Jan 2027, 03:04 UTC" in log_of(company, action="unit.renamed").content.decode()


def test_an_id_among_the_facts_is_shown_by_its_name(company):
    emma = company.member(company.emma)
    audit.record(
        company.unit, "x", company.unit, by=company.olga, now=timezone.now(), application=emma.public_id
    )

    assert log_of(company).context["events"][0].facts[0][1][0].words == "Emma"


def test_the_reason_a_person_wrote_stands_beside_it_and_is_only_read(company):
    roles.grant_role(
        company.member(company.emma),
        "coordinator",
        by=company.olga,
        now=timezone.now(),
        why="<b>Carl is away</b>",
    )

    page = log_of(company).content.decode()

    assert "&lt;b&gt;Carl is away&lt;/b&gt;" in page


def test_each_line_names_its_request_and_says_who_acted_from_where(company):
    client = signed_in(company.olga)
    emma = company.member(company.emma).public_id
    entered = {"time_zone": "Europe/Berlin", "starts": "09:00", "ends": "17:00", "days": ["mon"]}
    client.post(reverse("member_settings", args=[company.unit.slug, emma]), entered)
    event = AuditEvent.objects.filter(unit=company.unit, origin="page").first()

    page = log_of(company, origin="page").content.decode()

    assert len(event.request_id) == 16
    assert event.request_id in page


def test_an_object_tells_its_own_events_and_no_others(company):
    emma = company.member(company.emma)

    about = events_about(company.unit, emma.public_id, 20)

    assert [line.event.verb for line in about] == ["role.granted", "member.added"]
    assert events_about(company.stranger_unit, emma.public_id, 20) == []
    assert len(events_about(company.unit, emma.public_id, 1)) == 1


def test_a_connections_page_shows_what_happened_to_it(company):
    row = calendar_connections.create_connection(
        company.unit, "google", "free_busy", by=company.olga, now=timezone.now()
    )
    url = reverse("connection", args=[company.unit.slug, row.public_id])

    olga, carl = (signed_in(user).get(url).content.decode() for user in (company.olga, company.carl))

    assert "Connection created" in olga
    assert "Connection created" not in carl, "a Coordinator does not read the log"


# --- cost


def queries_of(company: Company, **asked) -> int:
    client, url = signed_in(company.olga), reverse("audit_log", args=[company.unit.slug])
    client.get(url)
    with CaptureQueriesContext(database) as captured:
        client.get(url, asked)
    return len(captured)


def test_a_page_needs_at_most_eight_queries_with_every_filter(company):
    emma, now = company.member(company.emma), timezone.now()
    for _number in range(30):
        audit.record(company.unit, "role.granted", emma, by=company.carl, now=now, why="so", role="employee")

    asked = {"actor": "Carl", "object": "Emma", "action": "access", "since": "2020-01-01", "origin": "job"}

    assert queries_of(company) <= 7, "a second factor costs one more"
    assert queries_of(company, **asked) <= 7


# --- CSV


def test_the_export_holds_the_same_filter(company):
    rows = export_of(company, object="Emma")

    assert rows[0][:4] == ["id", "when (UTC)", "action", "what happened"]
    assert {row[2] for row in rows[1:]} == {"member.added", "role.granted"}
    granted = next(row for row in rows if row[2] == "role.granted")
    assert granted[10] == "Role: Employee"


def test_the_export_goes_on_after_its_first_chunk(company):
    emma, now = company.member(company.emma), timezone.now()
    for _number in range(520):
        audit.record(company.unit, "x", emma, by=None, now=now)

    assert len(export_of(company, actor="system")) == 521


@pytest.mark.parametrize("name", ["=1+1", "+1", "-x", "@x", "\t=1+1", "\n=1", " =1"])
def test_a_name_that_a_spreadsheet_would_run_is_made_harmless(company, name):
    user = make_user(name, "hostile@kube.example")
    audit.record(company.unit, "x", company.member(company.emma), by=user, now=timezone.now(), why=name)

    row = export_of(company)[1]

    for cell in (row[4], row[8]):
        assert not cell.strip().startswith(("=", "+", "-", "@")), cell


def test_a_filter_that_cannot_be_meant_exports_nothing(company):
    url = reverse("audit_export", args=[company.unit.slug])

    answer = signed_in(company.olga).get(url, {"since": "yesterday"})

    assert answer.status_code == 422
    assert not answer.streaming


def test_exports_have_a_rate(company):
    cache.clear()
    client, url = signed_in(company.olga), reverse("audit_export", args=[company.unit.slug])

    statuses = [client.get(url).status_code for _number in range(11)]

    assert statuses == [200] * 10 + [429]


def test_a_last_day_before_the_first_is_refused_at_its_field(company):
    page = log_of(company, since="2026-12-05", until="2026-11-01")

    assert page.status_code == 422
    assert "This day is before the first one." in page.content.decode()
