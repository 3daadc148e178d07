"""Pages of runs: what became of each, and the guard's question with everything that helps to answer it."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orgunits.models import Member
from provisioning import runs as verbs
from provisioning.models import Kept, Offboarding, Plan, PlanItem, ProvisioningRun
from tests.people import Company, make_company, signed_in
from tests.provisioning.paused import GONE, PEOPLE, followed, miss, paused_run
from tests.provisioning.running import done, looked, tell, was_read

pytestmark = pytest.mark.django_db
Result = PlanItem.Result


@pytest.fixture
def company() -> Company:
    return make_company()


@pytest.fixture
def olga(company) -> Client:
    return signed_in(company.olga)


@pytest.fixture
def paused(company) -> ProvisioningRun:
    return paused_run(company)


def at(run: ProvisioningRun, name: str = "run") -> str:
    return reverse(name, args=[run.unit.slug, run.public_id])


def all_runs(company: Company) -> str:
    return reverse("runs", args=[company.unit.slug])


def states(addresses: list[str]) -> set[str]:
    return set(Member.objects.filter(email__in=addresses).values_list("state", flat=True))


def yes(run: ProvisioningRun, **other: str) -> dict[str, str]:
    return {"digest": run.plan.candidates_digest, "typed_name": "Kube", **other}


# --- the list -----------------------------------------------------------------------------------------------------
def test_the_list_tells_every_runs_story_the_newest_first(company, olga, paused):
    page = olga.get(all_runs(company))

    rows = page.context["rows"]
    assert [row.state for row in rows] == ["paused_by_guard", "succeeded"]
    text = page.content.decode()
    assert "More members would go than the share this unit allows." in text
    assert "by the portal" in text


def test_the_list_is_narrowed_by_state_and_directory(company, olga, paused):
    def found(query: str) -> list[str]:
        return [row.state for row in olga.get(all_runs(company) + query).context["rows"]]

    assert found("?state=succeeded") == ["succeeded"]
    assert found(f"?state=paused_by_guard&directory={paused.connection.public_id}") == ["paused_by_guard"]
    assert found("?state=failed") == []


# --- one run ------------------------------------------------------------------------------------------------------
def test_a_finished_run_tells_what_became_of_each(company, olga):
    run = ProvisioningRun.objects.get(connection=followed(company))

    page = olga.get(at(run))

    assert [row.address for row in page.context["rows"]] == PEOPLE
    assert {row.result for row in page.context["rows"]} == {Result.DONE}
    assert page.context["progress"].groups == [
        {"result": "done", "label": "Done", "tone": "success", "number": 10}
    ]


def test_people_are_found_by_name_result_and_plan(company, olga, paused):
    def found(query: str) -> list[str]:
        return [row.address for row in olga.get(at(paused) + query).context["rows"]]

    assert found("?result=held") == GONE
    assert found("?result=done") == []
    assert found("?action=suspend&q=person03") == ["person03@kube.example"]
    assert found("?action=add") == []


def test_the_people_as_a_file_are_those_of_the_filter(olga, paused):
    answer = olga.get(at(paused, "run_export") + "?q=person03")

    header, *lines = b"".join(answer.streaming_content).decode().splitlines()
    assert header.startswith("position,person,member,name,address,planned,why")
    assert len(lines) == 1
    assert "person03@kube.example,Suspend,Was missing in two complete snapshots" in lines[0]


def test_the_progress_stops_asking_when_the_run_is_over(company, olga):
    run = ProvisioningRun.objects.get(connection=followed(company))

    answer = olga.get(at(run, "run_progress"))

    assert answer.headers["HX-Refresh"] == "true"


def test_a_run_that_goes_on_can_be_stopped_and_tells_how_far_it_is(company, olga, paused):
    verbs.approve(paused, digest=paused.plan.candidates_digest, by=company.olga, now=timezone.now())
    page, fragment = olga.get(at(paused)), olga.get(at(paused, "run_progress"))

    answer = olga.post(at(paused, "run_cancel"), follow=True)

    assert "Stop here" in page.content.decode()
    assert "0 of 5" in fragment.content.decode()
    assert "What is done stays done" in answer.content.decode()
    assert states(GONE) == {"active"}
    assert "It was finished before" in olga.post(at(paused, "run_cancel"), follow=True).content.decode()


def test_with_whom_it_failed_can_be_planned_again(company, olga, paused):
    item = paused.plan.items.filter(result=Result.HELD).first()
    PlanItem.objects.filter(pk=item.pk).update(result=Result.FAILED, reason="unexpected")
    ProvisioningRun.objects.filter(pk=paused.pk).update(state="partial", finished_at=timezone.now())

    page = olga.get(at(paused)).content.decode()
    answer = olga.post(at(paused, "run_again"))

    assert "The operator of this portal finds it in the log." in page
    assert "Plan it again for the failed" in page
    plan = Plan.objects.order_by("pk").last()
    assert plan.again_of == paused.plan
    assert plan.public_id in answer.url


def test_where_nobody_failed_there_is_nothing_to_plan_again(company, olga):
    run = ProvisioningRun.objects.get(connection=followed(company))

    answer = olga.post(at(run, "run_again"), follow=True)

    assert "There is nobody with whom it failed" in answer.content.decode()


# --- paused by guard ----------------------------------------------------------------------------------------------
def test_a_paused_run_explains_itself_with_numbers_names_reasons_and_likely_causes(olga, paused):
    page = olga.get(at(paused))

    text = page.content.decode()
    assert "More members would go than the share this unit allows." in text
    assert "Most of them are simply missing" in text
    assert [row.address for row in page.context["held"]] == GONE
    for address in GONE:
        assert address in text
    assert (paused.plan.candidates, paused.plan.base, paused.plan.limit) == (5, 10, 3)
    assert "Approve for 5 people" in text


def test_approving_suspends_exactly_these_people(company, olga, paused):
    answer = olga.post(at(paused, "run_approve"), yes(paused), follow=True)
    run = done(paused)

    assert "Approved" in answer.content.decode()
    assert run.state == "succeeded"
    assert states(GONE) == {"suspended"}
    assert states(PEOPLE[5:]) == {"active"}
    assert Offboarding.objects.filter(run=run).count() == 5


def test_an_approval_asks_again_who_one_is(olga, paused, settings):
    settings.REAUTHENTICATION = True

    answer = olga.post(at(paused, "run_approve"), yes(paused))

    assert answer.url.startswith(reverse("account_reauthenticate"))
    paused.refresh_from_db()
    assert paused.state == "paused_by_guard"


@pytest.mark.parametrize("typed", ["", "Cube"])
def test_nobody_approves_without_typing_the_units_name(olga, paused, typed):
    answer = olga.post(at(paused, "run_approve"), yes(paused, typed_name=typed))

    assert answer.status_code == 422
    assert "Approve for 5 people" in answer.content.decode()
    paused.refresh_from_db()
    assert paused.state == "paused_by_guard"


@pytest.mark.parametrize("digest", ["0" * 64, "x"])
def test_an_approval_of_another_list_is_refused(olga, paused, digest):
    answer = olga.post(at(paused, "run_approve"), yes(paused, digest=digest), follow=True)

    assert "not the one you looked at any more" in answer.content.decode()
    paused.refresh_from_db()
    assert paused.state == "paused_by_guard"


def test_who_was_looked_at_is_listed_page_by_page_with_a_search(olga, paused):
    listed = olga.get(at(paused) + "?result=held&q=person0")

    assert [row.address for row in listed.context["rows"]] == GONE
    assert "Approve for 5 people" in listed.content.decode()


def test_two_who_decide_at_once_decide_once(company, olga, paused):
    olga.post(at(paused, "run_keep"), {"keep_until": "2030-01-01"})

    answer = olga.post(at(paused, "run_approve"), yes(paused), follow=True)

    assert "somebody decided this before" in answer.content.decode()
    assert states(GONE) == {"active"}


def test_keeping_everybody_ends_the_run_and_names_the_day(company, olga, paused):
    until = timezone.localdate() + timedelta(days=30)

    answer = olga.post(at(paused, "run_keep"), {"keep_until": until.isoformat()}, follow=True)

    assert "5 members are kept" in answer.content.decode()
    assert set(Kept.objects.values_list("member__email", "until")) == {(one, until) for one in GONE}
    paused.refresh_from_db()
    assert (paused.state, paused.reason) == ("cancelled", "kept")


def test_a_day_that_is_over_keeps_nobody_and_is_said_on_the_page(olga, paused):
    answer = olga.post(at(paused, "run_keep"), {"keep_until": "2020-01-01"})

    assert answer.status_code == 422
    assert not Kept.objects.exists()


def test_a_reading_that_is_not_to_be_believed_cannot_be_approved_and_says_so(company, olga):
    connection = followed(company)
    tell(connection, "new@kube.example")
    miss(connection, GONE)
    was_read(connection, asked="otherwise")
    run = looked(connection)
    if run is None:
        run = ProvisioningRun.objects.order_by("pk").last()
    Plan.objects.filter(pk=run.plan_id).update(outcome="blocked", guard_codes=["scopes_changed"])
    run.plan.items.update(result=Result.HELD)
    ProvisioningRun.objects.filter(pk=run.pk).update(state="paused_by_guard", finished_at=None)

    page = olga.get(at(run)).content.decode()
    answer = olga.post(at(run, "run_approve"), yes(run))

    assert "The permissions are not those of the run before." in page
    assert "Nobody can approve this one" in page
    assert "Approve for" not in page
    assert answer.status_code == 403


# --- the banner ---------------------------------------------------------------------------------------------------
def test_every_page_of_the_unit_tells_those_who_can_decide_that_a_run_is_paused(company, olga, paused):
    members = reverse("members", args=[company.unit.slug])

    assert "5 members would lose access or a role" in olga.get(members).content.decode()
    assert "would lose access" not in signed_in(company.carl).get(members).content.decode()
    verbs.keep_everybody(
        paused, until=timezone.localdate() + timedelta(days=9), by=company.olga, now=timezone.now()
    )
    assert "would lose access" not in olga.get(members).content.decode()
