"""The page of a plan: what it shows of whom, what can be decided there, and how it is applied or not."""

from datetime import timedelta

import pytest
from django.test import override_settings
from django.urls import reverse

from orgunits.roles import ROLES
from provisioning.models import PairDecision, Plan, ProvisioningRun
from tests.directories import make_directory, make_people, make_person, make_reading
from tests.people import make_company, signed_in
from tests.provisioning.pages import make_item, make_plan, make_rule, make_run
from tests.worker import run_waiting_jobs

pytestmark = pytest.mark.django_db


@pytest.fixture
def company():
    return make_company()


@pytest.fixture
def directory(company):
    return make_directory(company.unit, by=company.olga)


def at(name, plan):
    return reverse(name, args=[plan.unit.slug, plan.public_id])


def look(company, plan, query=""):
    return signed_in(company.olga).get(at("plan", plan) + query)


def text_of(answer):
    return " ".join(answer.content.decode().split())


def names_of(answer):
    return [item.label for item in answer.context["rows"]]


# --- a plan's states ------------------------------------------------------------------------------------------------
def test_a_plan_that_is_being_made_follows_by_itself_and_works_without_scripts(company, directory):
    plan = make_plan(directory, "making")

    page = text_of(look(company, plan))

    assert f'hx-get="{at("plan_progress", plan)}"' in page
    assert "Reload to see the latest state" in page
    assert at("plan_apply", plan) not in page


def test_the_fragment_is_asked_for_until_the_plan_is_made(company, directory):
    plan, client = make_plan(directory, "making"), signed_in(company.olga)

    first = client.get(at("plan_progress", plan))
    Plan.objects.update(state="ready")
    second = client.get(at("plan_progress", plan))

    assert "Comparing the directory with the members" in first.content.decode()
    assert second.headers["HX-Refresh"] == "true"


@pytest.mark.parametrize(
    ("state", "fields", "words"),
    [
        ("stale", {"stale_because": ["rules", "more_added"]}, "A rule was changed."),
        ("discarded", {}, "Nothing of it was done."),
        ("failed", {"problem": "unexpected"}, "Something went wrong here."),
    ],
)
def test_a_plan_that_can_do_nothing_says_why_and_offers_a_new_one(company, directory, state, fields, words):
    plan = make_plan(directory, state, **fields)

    page = text_of(look(company, plan))

    assert words in page
    assert reverse("plan_new", args=[company.unit.slug, directory.public_id]) in page
    assert at("plan_apply", plan) not in page


def test_a_plan_says_what_it_changes_about_its_rule(company, directory):
    rule = make_rule(directory, active=False)
    draft = {"active": True, "role": "coordinator", "kind": "department", "values": ["Research"]}
    plan = make_plan(directory, purpose="rule", rule=rule, draft=draft)

    page = look(company, plan)

    assert [(one.label, one.before, one.after) for one in page.context["changes"]] == [
        ("State", "Off", "On"),
        ("Whom it is for", "Everybody in the directory", "Who is of the department “Research”"),
        ("Role", "Employee", "Scheduling Coordinator"),
    ]


# --- what is shown of each person -----------------------------------------------------------------------------------
def test_each_person_is_shown_with_action_clause_rule_and_changes_in_words(company, directory):
    rule, other = make_rule(directory), make_rule(directory, "Chairs", role="coordinator", order=2)
    plan = make_plan(directory)
    facts = {
        "also": [other.pk],
        "changes": [
            ["address", "old@kube.example", "new@kube.example", ""],
            ["working_hours", {}, {"mon": [["09:00", "17:00"]], "tue": [["09:00", "17:00"]]}, "assumed"],
            ["state", "suspended", "active", ""],
        ],
        "gained": [[other.pk, "coordinator"]],
        "lost": [[rule.pk, "employee"]],
        "stripped": ["employee"],
        "held": ["time_zone"],
    }
    make_item(
        plan, "change", "renamed", person=make_person(directory, "Ada New"), rule=rule, facts=facts,
        candidate=True, member=company.member(company.carl),
    )  # fmt: skip

    page = look(company, plan)

    (item,) = page.context["rows"]
    assert (item.label, item.rule_name, item.also) == ("Ada New", "Everybody", ["Chairs"])
    assert item.why == "The same person has another address in the directory."
    assert [(line.label, line.before, line.after, line.note) for line in item.lines] == [
        ("Address", "old@kube.example", "new@kube.example", ""),
        ("Working hours", "", "Mon, Tue 09:00–17:00", ""),
        ("Membership", "Suspended", "Active", ""),
        ("Role", "", "Scheduling Coordinator", "by “Chairs”"),
        ("Role", "Employee", "", "by “Everybody”"),
        ("Time zone", "", "", "stays: it was set by hand or in the calendar"),
    ]
    assert "loses access or a role" in text_of(page)


def test_a_value_that_only_gets_another_source_is_said_so(company, directory):
    plan = make_plan(directory)
    facts = {"changes": [["department", "Research", "Research", "assumed"]]}
    make_item(plan, "change", "changed", person=make_person(directory, "Ada One"), facts=facts)

    (line,) = look(company, plan).context["rows"][0].lines

    assert line.note == "now as the directory has it"


def test_who_was_erased_has_no_name_and_no_facts(company, directory):
    plan = make_plan(directory)
    make_item(plan, "suspend", "deleted")

    assert "Somebody who was erased" in text_of(look(company, plan))


def test_the_others_in_a_conflict_are_named(company, directory):
    plan, (one, two) = make_plan(directory), make_people(directory, ["Ada One", "Ada Two"])
    carl = company.member(company.carl)
    make_item(plan, "conflict", "two_people", person=one, member=carl, facts={"others": [two.pk]})
    make_item(plan, "conflict", "two_members", person=one, facts={"others": [carl.pk]})

    rows = look(company, plan).context["rows"]

    assert [[other.name for other in row.others] for row in rows] == [[two.address], [carl.email]]


def test_the_counts_come_first_with_those_with_whom_nothing_happens(company, directory):
    plan = make_plan(directory)
    make_item(plan, "add", "matches", person=make_person(directory, "Ada One"))
    Plan.objects.update(counts={"add": 1, "nothing": 1288}, clauses={"matches": 1, "unchanged": 1288})

    page = look(company, plan)

    assert {one["action"]: one["number"] for one in page.context["counts"]} == {
        "add": 1, "change": 0, "suspend": 0, "skip": 0, "conflict": 0,
    }  # fmt: skip
    assert page.context["untouched"] == 1288
    assert [(one.code, one.number, one.listed) for one in page.context["reasons"]] == [
        ("unchanged", 1288, False),
        ("matches", 1, True),
    ]


def test_welcome_mails_are_counted_by_the_rules_as_they_will_be(company, directory):
    now, silent = make_rule(directory, "Now", welcome="now"), make_rule(directory, "Silent")
    changed = make_rule(directory, "Changed")
    plan = make_plan(
        directory, purpose="rule", rule=changed, draft={"welcome": "on_date", "welcome_on": "2026-12-01"}
    )
    for rule, number in ((now, 2), (silent, 3), (changed, 4)):
        for _n in range(number):
            make_item(plan, "add", "matches", rule=rule)

    mails = look(company, plan).context["mails"]

    assert (mails.at_once, mails.later) == (2, 4)


# --- the guard ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("outcome", "codes", "words"),
    [
        ("paused", ["share", "ops_admin"], "before 12 members lose access or a role"),
        ("blocked", ["incomplete"], "Nobody is suspended and nobody loses a role"),
        ("allowed", [], "12 members would lose access or a role"),
    ],
)
def test_the_guard_speaks_in_words(company, directory, outcome, codes, words):
    causes = ["many_missing"] if codes else []
    plan = make_plan(
        directory, outcome=outcome, guard_codes=codes, causes=causes, candidates=12, base=40, limit=8
    )

    page = text_of(look(company, plan))

    assert words in page
    for sentence in {
        "share": "More members would go than the share this unit allows.",
        "ops_admin": "An Ops Admin would go.",
        "incomplete": "The directory was not read to its end.",
    }.items():
        assert (sentence[1] in page) == (sentence[0] in codes)
    assert ("Most of them are simply missing" in page) == bool(codes)


# --- filter, search, pages ------------------------------------------------------------------------------------------
@pytest.fixture
def mixed(company, directory):
    """A plan of four: who is added, changed, suspended, and in a conflict."""
    plan, rule = make_plan(directory), make_rule(directory, "Second")
    ada, bo, cy, di = make_people(directory, ["Ada Quick", "Bo Slow", "Cy Gone", "Di Odd"])
    make_item(plan, "add", "matches", person=ada)
    make_item(plan, "change", "changed", person=bo, rule=rule)
    make_item(plan, "suspend", "deleted", person=cy, member=company.member(company.emma), candidate=True)
    make_item(plan, "conflict", "adoption_waits", person=di, member=company.member(company.carl))
    Plan.objects.update(candidates=1)
    plan.refresh_from_db()
    return plan


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?action=add", ["Ada Quick"]),
        ("?clause=deleted", ["Cy Gone"]),
        ("?candidates=on", ["Cy Gone"]),
        ("?q=QUI", ["Ada Quick"]),
        ("?q=bo.slow@", ["Bo Slow"]),
        ("?q=carl", ["Di Odd"]),
        ("?q=nobody", []),
        ("?action=nonsense", ["Ada Quick", "Bo Slow", "Cy Gone", "Di Odd"]),
        ("?action=suspend&q=quick", []),
    ],
)
def test_the_plan_is_filtered_and_searched(company, mixed, query, found):
    assert names_of(look(company, mixed, query)) == found


def test_the_plan_is_filtered_by_rule(company, mixed):
    rule = mixed.items.get(action="change").rule

    assert names_of(look(company, mixed, f"?rule={rule.public_id}")) == ["Bo Slow"]


def test_a_plan_is_paged_in_its_order_and_every_page_costs_the_same(
    company, directory, django_assert_num_queries
):
    plan, carl = make_plan(directory), company.member(company.carl)
    people = make_people(directory, [f"Ada{n:03} Person" for n in range(120)])
    for n, person in enumerate(people):
        facts = {"others": [people[0].pk]} if n % 2 else {"others": [carl.pk]}
        clause = "two_people" if n % 2 else "two_members"
        make_item(plan, "conflict", clause, person=person, member=carl if n % 2 else None, facts=facts)
    client, url, seen = signed_in(company.olga), at("plan", plan), []
    client.get(url)

    while url:
        with django_assert_num_queries(7):
            page = client.get(url)
        seen += names_of(page)
        url = page.context["next_url"] and at("plan", plan) + page.context["next_url"]

    assert seen == [str(person) for person in people]


def test_the_csv_holds_what_the_filter_shows_and_no_formula(company, directory):
    plan = make_plan(directory)
    make_item(plan, "add", "matches", person=make_person(directory, "Ada One", given_name="=1+1"))
    make_item(plan, "suspend", "deleted", person=make_person(directory, "Bo Two"), candidate=True)
    client = signed_in(company.olga)

    whole = b"".join(client.get(at("plan_export", plan)).streaming_content).decode()
    part = b"".join(client.get(at("plan_export", plan) + "?action=suspend").streaming_content).decode()

    assert len(whole.splitlines()) == 3
    assert "'=1+1" in whole
    assert [line.split(",")[1] for line in part.splitlines()] == ["action", "Suspend"]


# --- who is whom ----------------------------------------------------------------------------------------------------
def test_a_ticked_conflict_is_decided_and_a_new_plan_offered(company, mixed):
    item = mixed.items.get(action="conflict")

    answer = signed_in(company.olga).post(
        at("plan_decide", mixed), {"whom": "ticked", "item": [item.position], "same": "yes"}, follow=True
    )

    decision = PairDecision.objects.get()
    assert (decision.person, decision.member, decision.same) == (item.person, item.member, True)
    assert "Somebody decided about a person since this plan was made" in text_of(answer)
    assert "the same person" in text_of(answer)


def test_all_that_the_filter_shows_are_decided_and_no_others(company, directory):
    plan = make_plan(directory)
    people = make_people(directory, ["Ada One", "Bo Two", "Cy Three"])
    for person in people[:2]:
        make_item(plan, "conflict", "adoption_waits", person=person, member=company.member(company.carl))
    make_item(plan, "conflict", "move_waits", person=people[2], member=company.member(company.emma))

    signed_in(company.olga).post(
        at("plan_decide", plan) + "?clause=adoption_waits", {"whom": "all", "same": "no"}
    )

    assert set(PairDecision.objects.values_list("person__given_name", "same")) == {
        ("Ada", False),
        ("Bo", False),
    }


def test_of_two_members_one_is_chosen(company, directory):
    plan, person = make_plan(directory), make_person(directory, "Ada One")
    carl, emma = company.member(company.carl), company.member(company.emma)
    item = make_item(plan, "conflict", "two_members", person=person, facts={"others": [carl.pk, emma.pk]})

    signed_in(company.olga).post(
        at("plan_decide", plan),
        {"whom": "ticked", "pair": [f"{item.position}-{emma.public_id}"], "same": "yes"},
    )

    assert list(PairDecision.objects.values_list("member", "same")) == [(emma.pk, True)]


def test_all_at_once_nobody_becomes_two_members(company, directory):
    plan, person = make_plan(directory), make_person(directory, "Ada One")
    others = [company.member(company.carl).pk, company.member(company.emma).pk]
    make_item(plan, "conflict", "two_members", person=person, facts={"others": others})

    signed_in(company.olga).post(at("plan_decide", plan), {"whom": "all", "same": "yes"})

    assert not PairDecision.objects.exists()


@pytest.mark.parametrize(
    "sent",
    [
        {"whom": "ticked", "same": "yes"},
        {"whom": "ticked", "item": ["0", "99", "x", "9" * 40], "same": "yes"},  # 0 is who is added
        {"whom": "ticked", "pair": ["3", "3-", "x-y", "3-mem_\0", "0-mem_1"], "same": "yes"},
        {"whom": "all", "same": "perhaps"},
    ],
)
def test_what_cannot_be_decided_decides_nothing(company, mixed, sent):
    answer = signed_in(company.olga).post(at("plan_decide", mixed), sent, follow=True)

    assert "Nothing was decided" in text_of(answer)
    assert not PairDecision.objects.exists()


def test_a_decision_before_the_plan_was_made_is_not_offered_again(company, mixed):
    item = mixed.items.get(action="conflict")
    PairDecision.objects.create(
        unit=company.unit, person=item.person, member=item.member, same=True,
        decided_at=mixed.made_at - timedelta(hours=1),
    )  # fmt: skip

    assert "Somebody decided" not in text_of(look(company, mixed))


# --- applied, discarded ---------------------------------------------------------------------------------------------
def test_before_it_is_applied_the_numbers_are_named(company, mixed):
    page = text_of(signed_in(company.olga).get(at("plan_apply", mixed)))

    assert "1 person is added." in page
    assert "1 member is suspended" in page
    assert "1 conflict is left as it is." in page
    assert not ProvisioningRun.objects.exists()


def test_a_plan_is_applied(company, mixed):
    signed_in(company.olga).post(at("plan_apply", mixed))

    run = ProvisioningRun.objects.get()
    assert (run.plan, run.started_by) == (mixed, company.olga)


def test_what_was_applied_before_is_not_applied_again(company, mixed):
    make_run(mixed)

    answer = signed_in(company.olga).post(at("plan_apply", mixed), follow=True)

    assert ProvisioningRun.objects.count() == 1
    assert "This plan cannot be applied any more." in text_of(answer)


def test_a_plan_waits_while_another_run_is_open(company, directory, mixed):
    make_run(make_plan(directory), "paused_by_guard")

    answer = signed_in(company.olga).post(at("plan_apply", mixed), follow=True)

    mixed.refresh_from_db()
    assert mixed.state == "ready"
    assert "Another run of this directory is not over." in text_of(answer)


def test_a_plan_is_discarded(company, mixed):
    answer = signed_in(company.olga).post(at("plan_discard", mixed), follow=True)

    mixed.refresh_from_db()
    assert mixed.state == "discarded"
    assert "Nothing was changed." in text_of(answer)


@override_settings(REAUTHENTICATION=True)
def test_a_plan_is_applied_only_after_proving_again_who_one_is(company, mixed):
    answer = signed_in(company.olga).post(at("plan_apply", mixed))

    assert answer.headers["Location"].startswith(reverse("account_reauthenticate"))
    assert not ProvisioningRun.objects.exists()


def test_a_plan_of_another_unit_is_not_found(company):
    other = make_directory(company.stranger_unit, by=company.sven, tenant="other.example")
    plan = make_plan(other)

    answer = signed_in(company.olga).get(reverse("plan", args=[company.unit.slug, plan.public_id]))

    assert answer.status_code == 404


def test_from_rule_to_members_by_the_verbs(company, directory):
    """The whole way over the pages, with the plan made by its job."""
    make_person(directory, "Ada One")
    make_reading(directory, people=1)
    client = signed_in(company.olga)
    sent = {
        "name": "Everybody", "order": "1", "kind": "everybody", "role": "employee", "time_zone": "",
        "welcome": "off", "on_leaving": "suspend",
    }  # fmt: skip

    client.post(reverse("rule_new", args=[company.unit.slug, directory.public_id]), sent)
    run_waiting_jobs()
    plan = Plan.objects.get()
    page = client.get(at("plan", plan))
    client.post(at("plan_apply", plan))
    run_waiting_jobs()

    assert names_of(page) == ["Ada One"]
    member = company.unit.members.get(email="ada.one@kube.example")
    assert [grant.role for grant in member.role_grants.all()] == [ROLES["employee"].code]
    assert directory.provisioning_rules.get().active
