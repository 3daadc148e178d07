"""Support staff: a reason before they look, a line in the unit's log for every look, and nothing secret or in bulk."""

from copy import deepcopy
from datetime import timedelta

import pytest
from django.contrib import admin
from django.core.cache import cache
from django.db import connection as database
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_q.models import Failure, OrmQ, Task

from config import failed_jobs
from connections.models import Mailbox
from orgunits import support
from orgunits.members import add_member
from orgunits.models import AuditEvent, AuditReason, Member
from orgunits.support_admin import Sealed
from tests.builders import make_members
from tests.people import make_user
from tests.support import WHY, let_in, make_staff

pytestmark = pytest.mark.django_db

SEALED = {model: site for model, site in admin.site._registry.items() if isinstance(site, Sealed)}


@pytest.fixture
def house(standing_house, providers, db):
    cache.clear()
    return deepcopy(standing_house)


def change_url(row) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def list_url(model, unit=None) -> str:
    page = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{page}?unit__public_id__exact={unit.public_id}" if unit else page


def told(unit, verb: str = "support.viewed") -> list[tuple]:
    """What the unit's log says of support: whom it was about, what was looked at, and why."""
    events = unit.audit_events.filter(verb=verb).order_by("pk")
    reasons = dict(AuditReason.objects.values_list("event", "text"))
    return [(e.subject, e.facts.get("what"), reasons.get(e.public_id), e.origin) for e in events]


# --- a reason first


@pytest.mark.parametrize("what", ["member", "google", "unit"])
def test_an_object_of_a_unit_opens_after_a_reason_and_every_look_is_told(house, what):
    client, row = make_staff(), getattr(house.own, what)

    asked = client.get(change_url(row))
    page = client.get(asked.headers["Location"])
    led = client.post(asked.headers["Location"], {"why": WHY, "next": change_url(row)})
    seen = client.get(led.headers["Location"])
    client.get(change_url(row))

    assert asked.status_code == 302
    assert house.own.unit.name in page.content.decode()
    assert led.headers["Location"] == change_url(row)
    assert seen.status_code == 200
    code = {"member": "member", "google": "connection", "unit": "unit"}[what]
    assert told(house.own.unit) == [(row.public_id, code, WHY, "support")] * 2


def test_the_bar_names_unit_reason_and_end_and_ending_closes_the_unit(house):
    client = make_staff()
    let_in(client, house.own.unit)

    page = client.get(change_url(house.own.member)).content.decode()
    client.post(reverse("support_leave", args=[house.own.unit.public_id]))

    assert WHY in page
    assert reverse("support_leave", args=[house.own.unit.public_id]) in page
    assert client.get(change_url(house.own.member)).status_code == 302


def test_a_reason_holds_half_an_hour_for_one_unit(house, monkeypatch):
    client = make_staff()
    let_in(client, house.own.unit)

    assert client.get(change_url(house.other.member)).status_code == 302
    later = timezone.now() + support.VISIT
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert client.get(change_url(house.own.member)).status_code == 302
    assert told(house.own.unit) == told(house.other.unit) == []


@pytest.mark.parametrize("why", ["", "    ", "abc", "x" * 301])
def test_no_reason_opens_nothing(house, why):
    client = make_staff()

    answer = client.post(reverse("support_reason", args=[house.own.unit.public_id]), {"why": why})

    assert answer.status_code == 422
    assert client.get(change_url(house.own.member)).status_code == 302


def test_the_way_on_leads_to_no_other_site(house):
    client = make_staff()
    url = reverse("support_reason", args=[house.own.unit.public_id])

    for target in ("https://evil.example/", "//evil.example/admin/", "/preferences/", "javascript:alert(1)"):
        led = client.post(url, {"why": WHY, "next": target}).headers["Location"]
        assert led == change_url(house.own.unit), target


@pytest.mark.parametrize("model", SEALED, ids=lambda model: model._meta.label)
def test_a_list_shows_no_row_before_a_unit_was_chosen_and_opened(house, model):
    client = make_staff()
    if model._meta.label == "orgunits.OrganizationalUnit":
        page = client.get(list_url(model)).content.decode()
        assert house.own.unit.name in page
        assert "@kube.example" not in page
        return

    everywhere = client.get(list_url(model), {"q": "ours"})
    asked = client.get(list_url(model, house.own.unit))
    let_in(client, house.own.unit)
    seen = client.get(list_url(model, house.own.unit)).content.decode()

    assert "ours" not in everywhere.content.decode().replace('value="ours"', "").replace("q=ours", "")
    assert asked.status_code == 302
    assert "zzstranger" not in seen
    assert house.other.member.public_id not in seen
    assert len(told(house.own.unit)) == 1


def test_the_librarys_search_for_other_pages_hands_out_no_row(house):
    client = make_staff()
    asked = {"app_label": "orgunits", "model_name": "rolegrant", "field_name": "member", "term": "ours"}

    assert (
        client.get(reverse("admin:autocomplete"), asked).status_code in {403, 404}
        or not (client.get(reverse("admin:autocomplete"), asked).json()["results"])
    )


def test_the_ops_admin_reads_who_looked_and_why(house, client):
    staff = make_staff("Sofia")
    let_in(staff, house.own.unit)
    staff.get(change_url(house.own.member))
    client.force_login(house.company.olga)

    page = client.get(
        reverse("audit_log", args=[house.own.unit.slug]), {"action": "support"}
    ).content.decode()

    for words in ("Support viewed", "Sofia", WHY, "Ours"):
        assert words in page


# --- looking up


def test_a_member_is_looked_up_by_their_whole_address_in_all_units(house):
    address, now = "somebody@two.example", timezone.now()
    for unit in (house.own.unit, house.other.unit):
        add_member(unit, address, by=house.company.olga, now=now, given_name="Somebody")
    client, url = make_staff(), reverse("support_look_up")

    found = client.post(url, {"address": " Somebody@TWO.example", "why": WHY})
    part = client.post(url, {"address": "body@two.example", "why": WHY})

    assert [m.unit for m in found.context["found"]] == [house.own.unit, house.other.unit]
    assert part.context["found"] == []
    for unit in (house.own.unit, house.other.unit):
        assert told(unit, "support.looked_up") == [
            (unit.members.get(email=address).public_id, None, WHY, "support")
        ]


@pytest.mark.parametrize(
    "entered", [{"address": "x@two.example"}, {"why": WHY}, {"address": "no", "why": WHY}]
)
def test_a_look_up_without_address_or_reason_finds_nothing(house, entered):
    answer = make_staff().post(reverse("support_look_up"), entered)

    assert answer.status_code == 422
    assert answer.context["found"] is None


def test_look_ups_have_a_rate(house):
    client, url = make_staff(), reverse("support_look_up")

    statuses = {client.post(url, {"address": "x@two.example", "why": WHY}).status_code for _n in range(31)}

    assert statuses == {200, 429}


# --- who may


@pytest.mark.parametrize("name", ["support_look_up", "support_reason", "support_leave"])
def test_support_has_no_pages_for_others(house, name, client):
    client.force_login(house.company.olga)
    arguments = [] if name == "support_look_up" else [house.own.unit.public_id]

    assert client.get(reverse(name, args=arguments)).status_code == 404
    assert client.post(reverse(name, args=arguments), {"why": WHY}).status_code == 404


@override_settings(MFA_REQUIRED=True)
@pytest.mark.parametrize("path", ["/admin/", "/admin/support/look-up/", "/admin/orgunits/member/"])
def test_support_needs_a_second_factor(path):
    assert make_staff().get(path).headers["Location"] == reverse("mfa_index")


def test_plain_staff_see_no_sign_ins_and_superusers_only_whom_they_searched_for(house):
    plain, chief = make_staff(), make_staff("Sofia", is_superuser=True)
    url = reverse("admin:orgunits_user_changelist")

    assert plain.get(url).status_code == 403
    assert "olga@kube.example" not in chief.get(url).content.decode()
    assert "olga@kube.example" not in chief.get(url, {"q": "kube"}).content.decode()
    assert "olga@kube.example" in chief.get(url, {"q": "olga@kube.example"}).content.decode()


@pytest.mark.parametrize("model", admin.site._registry, ids=lambda model: model._meta.label)
def test_no_list_offers_an_act_on_many_rows(model):
    client = make_staff("Sofia", is_superuser=True)

    page = client.get(list_url(model)).content.decode()

    assert 'name="action"' not in page or model._meta.label in {"orgunits.User", "sites.Site"}


def test_lists_ask_as_often_with_many_rows_as_with_few(house):
    client = make_staff()
    let_in(client, house.own.unit)

    client.get(list_url(Member, house.own.unit))  # the first look writes down what things are called

    def cost(model) -> int:
        with CaptureQueriesContext(database) as asked:
            client.get(list_url(model, house.own.unit))
        return len(asked)

    costs = {}
    for size in (2, 40):
        members = make_members(house.own.unit, [f"m{size}-{n}@x.example" for n in range(size)])
        Mailbox.objects.bulk_create(Mailbox(unit=house.own.unit, member=m) for m in members)
        costs[size] = {model._meta.label: cost(model) for model in SEALED}

    assert costs[2] == costs[40]


# --- running again


def failing(house) -> Mailbox:
    later = timezone.now() + timedelta(hours=6)
    rows = Mailbox.objects.filter(member=house.own.member)
    rows.update(
        connection=house.own.google, state="failing", failure="licence", failure_code="x", next_sync_at=later
    )
    type(house.own.google).objects.filter(pk=house.own.google.pk).update(state="active")
    return rows.get()


def test_support_sees_state_last_good_sync_and_failures_by_class(house):
    client = make_staff()
    mailbox = failing(house)
    Mailbox.objects.filter(pk=mailbox.pk).update(last_synced_at="2026-11-20T08:00:00Z")
    let_in(client, house.own.unit)

    page = client.get(change_url(house.own.google)).content.decode()

    for words in ("2026-11-20 08:00 UTC", "no calendar licence: 1", "Failing: 1"):
        assert words in page


def test_failing_mailboxes_are_tried_again_now_for_a_reason(house):
    client, mailbox = make_staff(), failing(house)
    let_in(client, house.own.unit)
    url = reverse("admin:connections_calendarconnection_try_again", args=[house.own.google.pk])

    refused = client.post(url, {"why": ""})
    client.post(url, {"why": "Licences were bought"})

    mailbox.refresh_from_db()
    assert refused.status_code == 422
    assert mailbox.next_sync_at <= timezone.now()
    (event,) = house.own.unit.audit_events.filter(verb="support.ran_again")
    assert (event.subject, event.facts, event.origin) == (house.own.google.public_id, {"count": 1}, "support")
    assert AuditReason.objects.get(event=event.public_id).text == "Licences were bought"
    assert any(job.name().startswith("start reading") for job in OrmQ.objects.all())


def test_a_paused_connection_is_not_tried(house):
    client, mailbox = make_staff(), failing(house)
    type(house.own.google).objects.filter(pk=house.own.google.pk).update(state="paused")
    let_in(client, house.own.unit)

    client.post(
        reverse("admin:connections_calendarconnection_try_again", args=[house.own.google.pk]), {"why": WHY}
    )

    assert not AuditEvent.objects.filter(verb="support.ran_again").exists()
    assert Mailbox.objects.get(pk=mailbox.pk).next_sync_at == mailbox.next_sync_at


def jobs_named(name: str) -> int:
    return sum(job.name() == name for job in OrmQ.objects.all())


def failed_job(house, **fields) -> Failure:
    now = timezone.now()
    task = Task.objects.create(
        id="f" * 32,
        name=f"start reading {house.own.google.public_id}",
        func="connections.jobs.start_reading",
        args=(house.own.google.pk,),
        started=now,
        stopped=now,
        success=False,
        attempt_count=5,
        result="secret@x.example : Traceback\n"
        '  File "/srv/app/connections/slices.py", line 12, in read\n'
        "ValueError: secret@x.example",
        **fields,
    )
    return Failure.objects.get(pk=task.pk)


def test_a_failed_job_is_run_again_once_for_a_reason_that_its_unit_reads(house):
    client, row = make_staff(), failed_job(house)
    url = reverse("admin:django_q_failure_run_again", args=[row.pk])
    before = jobs_named(row.name)

    refused = client.post(url, {"why": ""})
    client.post(url, {"why": WHY})
    again = client.post(url, {"why": WHY})

    assert refused.status_code == 422
    assert again.status_code in {302, 404}
    assert jobs_named(row.name) == before + 1
    assert not Failure.objects.exists()
    assert [line[2:] for line in told(house.own.unit, "support.ran_again")] == [(WHY, "support")]


def test_two_people_run_it_again_and_one_of_them_does(house):
    row, by = failed_job(house), make_user("Sami", "sami@x.example")
    failed_jobs.run_again(row, by=by, why=WHY, now=timezone.now())

    with pytest.raises(failed_jobs.Gone):
        failed_jobs.run_again(row, by=by, why=WHY, now=timezone.now())


def test_a_failed_job_shows_kind_and_place_and_nothing_it_was_about(house):
    row = failed_job(house)

    pages = [make_staff().get(change_url(row)), make_staff("Sofia").get(list_url(Failure))]

    text = "".join(page.content.decode() for page in pages)
    assert "ValueError (connections/slices.py:12, read)" in text
    assert "secret@x.example" not in text
