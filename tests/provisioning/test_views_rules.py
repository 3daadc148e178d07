"""The pages of rules: what they show, what they keep, and that nothing changes before a plan is applied."""

import pytest
from django.urls import reverse

from provisioning.models import Plan, ProvisioningRule, RuleGrant
from tests.directories import make_directory, make_group, make_people, make_reading
from tests.people import make_company, signed_in
from tests.provisioning.pages import make_item, make_plan, make_rule, make_run

pytestmark = pytest.mark.django_db

FORM = {
    "name": "Everybody",
    "order": "1",
    "kind": "everybody",
    "role": "employee",
    "time_zone": "",
    "welcome": "off",
    "on_leaving": "suspend",
}


@pytest.fixture
def company():
    return make_company()


@pytest.fixture
def directory(company):
    return make_directory(company.unit, by=company.olga)


def at(name, *args):
    return reverse(name, args=args)


def home_of(company):
    return signed_in(company.olga).get(at("people", company.unit.slug))


def send(company, directory, **fields):
    """Olga sends the form of a new rule off."""
    path = at("rule_new", company.unit.slug, directory.public_id)
    return signed_in(company.olga).post(path, {**FORM, **fields})


# --- the home of rules ----------------------------------------------------------------------------------------------
def test_without_a_directory_the_page_leads_to_the_wizard(company):
    page = home_of(company).content.decode()

    assert "No directory is connected" in page
    assert at("directory_start", company.unit.slug) in page


def test_the_home_shows_each_rule_in_words_and_how_many_hold_a_role_by_it(company, directory):
    group = make_group(directory, "Chairs")
    rule = make_rule(
        directory, "Chairs schedule", kind="group", values=[group.external_id], role="coordinator",
        on_leaving="lose_role", time_zone="Europe/Berlin", working_hours={"mon": [["09:00", "17:00"]]},
    )  # fmt: skip
    make_rule(
        directory, "Engineers", kind="department", values=["A", "B", "C", "D", "E"], active=False, order=2
    )
    RuleGrant.objects.create(rule=rule, member=company.member(company.carl), role="coordinator")

    page = home_of(company)

    text = page.content.decode()
    assert "Who is in the group “Chairs”, nested groups too" in text
    assert "Who is of the department “A”, “B”, “C” or 2 others" in text
    assert "Scheduling Coordinator" in text
    assert "Time zone Europe/Berlin" in text
    assert "Works Mon 09:00–17:00" in text
    assert [row.members for one in page.context["directories"] for row in one.rules] == [1, 0]


def test_the_home_shows_the_plan_that_waits_the_last_run_and_a_pause_by_the_guard(company, directory):
    make_rule(directory)
    make_run(make_plan(directory, counts={"add": 7, "change": 2, "suspend": 1}), "paused_by_guard")
    waiting = make_plan(directory, counts={"add": 3, "conflict": 2})

    page = home_of(company).content.decode()

    assert "Paused by guard" in page
    assert "7 to add, 2 to change, 1 to suspend." in page
    assert at("plan", company.unit.slug, waiting.public_id) in page
    assert "3 to add, 0 to change, 0 to suspend, 2 conflicts." in page


def test_a_directory_that_is_over_is_not_followed_any_more(company):
    row = make_directory(company.unit, by=company.olga, state="disconnected")

    assert home_of(company).context["directories"] == []
    answer = signed_in(company.olga).get(at("rule_new", company.unit.slug, row.public_id))
    assert answer.status_code == 404


# --- a rule is entered ----------------------------------------------------------------------------------------------
def test_a_new_rule_is_kept_switched_off_and_leads_to_the_plan_that_would_switch_it_on(company, directory):
    answer = send(company, directory)

    rule, plan = ProvisioningRule.objects.get(), Plan.objects.get()
    assert answer.headers["Location"] == at("plan", company.unit.slug, plan.public_id)
    assert (rule.name, rule.kind, rule.role, rule.active) == ("Everybody", "everybody", "employee", False)
    assert (plan.rule, plan.purpose, plan.draft["active"]) == (rule, "rule", True)


def test_values_are_what_was_ticked_and_what_was_typed(company, directory):
    make_people(directory, ["Ada One", "Bo Two"], department="Research")

    send(company, directory, kind="department", known_departments=["Research"], typed=" Sales \n\nResearch\n")

    assert ProvisioningRule.objects.get().values == ["Research", "Sales"]


def test_hours_zone_and_welcome_are_kept(company, directory):
    send(
        company, directory, time_zone="Asia/Tokyo", sets_hours="on", starts="08:00", ends="16:30",
        days=["mon", "tue"], welcome="on_date", welcome_on="2026-12-01",
    )  # fmt: skip

    rule = ProvisioningRule.objects.get()
    assert rule.time_zone == "Asia/Tokyo"
    assert rule.working_hours == {"mon": [["08:00", "16:30"]], "tue": [["08:00", "16:30"]]}
    assert (rule.welcome, str(rule.welcome_on)) == ("on_date", "2026-12-01")


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"name": ""}, "name"),
        ({"kind": "department"}, "typed"),
        ({"kind": "path", "typed": " \n "}, "typed"),
        ({"kind": "attribute", "typed": "Chair"}, "attribute"),
        ({"kind": "group"}, "groups"),
        ({"kind": "department", "typed": "x" * 255}, "typed"),
        ({"role": "developer"}, "role"),
        ({"role": "nobody"}, "role"),
        ({"sets_hours": "on", "starts": "09:00"}, "ends"),
        ({"sets_hours": "on", "starts": "17:00", "ends": "09:00", "days": ["mon"]}, "ends"),
        ({"welcome": "on_date"}, "welcome_on"),
        ({"order": "0"}, "order"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_kept(company, directory, fields, wrong):
    answer = send(company, directory, **fields)

    assert answer.status_code == 422
    assert wrong in answer.context["form"].errors
    assert not ProvisioningRule.objects.exists()


def test_hours_that_are_not_set_are_not_judged(company, directory):
    answer = send(company, directory, starts="nonsense", ends="08:00")

    assert answer.status_code == 302
    assert ProvisioningRule.objects.get().working_hours is None


# --- groups ---------------------------------------------------------------------------------------------------------
def test_groups_are_searched_by_name_without_losing_what_was_entered(company, directory):
    chosen = make_group(directory, "Chairs")
    for n in range(30):
        make_group(directory, f"Team {n:02}")
    wanted = make_group(directory, "Órgano")

    page = send(
        company, directory, kind="group", name="Mine", groups=[chosen.external_id], words="organo", search="1"
    )

    assert page.status_code == 200
    form = page.context["form"]
    assert [value for value, _label in form.fields["groups"].choices] == [
        chosen.external_id,
        wanted.external_id,
    ]
    assert 'value="Mine"' in page.content.decode()
    assert not form.errors
    assert not ProvisioningRule.objects.exists()


def test_no_more_than_twenty_groups_are_listed(company, directory):
    for n in range(30):
        make_group(directory, f"Team {n:02}")

    page = signed_in(company.olga).get(at("rule_new", company.unit.slug, directory.public_id))

    assert len(page.context["form"].fields["groups"].choices) == 20


def test_enter_after_another_word_searches_and_otherwise_saves(company, directory):
    group = make_group(directory, "Chairs")
    sent = {"kind": "group", "groups": [group.external_id], "words": "chai", "enter": "1"}

    assert send(company, directory, **sent, listed_for="").status_code == 200
    assert send(company, directory, **sent, listed_for="chai").status_code == 302


def test_a_rule_for_a_group_keeps_its_id_and_whether_nested_groups_count(company, directory):
    group = make_group(directory, "Chairs")

    send(company, directory, kind="group", groups=[group.external_id], nested="on")

    rule = ProvisioningRule.objects.get()
    assert (rule.values, rule.nested) == ([group.external_id], True)


def test_a_group_of_another_directory_cannot_be_chosen(company, directory):
    other = make_directory(company.stranger_unit, by=company.sven, tenant="other.example")
    group = make_group(other, "Theirs")

    answer = send(company, directory, kind="group", groups=[group.external_id])

    assert answer.status_code == 422


def test_where_groups_are_not_read_the_form_says_what_to_do(company):
    directory = make_directory(company.unit, by=company.olga, extras=())

    page = signed_in(company.olga).get(at("rule_new", company.unit.slug, directory.public_id))
    answer = send(company, directory, kind="group")

    assert "The groups of this directory are not read" in page.content.decode()
    assert "kind" in answer.context["form"].errors


# --- a rule is changed ----------------------------------------------------------------------------------------------
def test_the_form_shows_the_rule_as_it_is(company, directory):
    make_people(directory, ["Ada One"], department="Research")
    rule = make_rule(
        directory, "Two", kind="department", values=["Research", "Sales"], order=4,
        working_hours={"tue": [["10:00", "12:00"]]},
    )  # fmt: skip

    page = signed_in(company.olga).get(
        at("rule_edit", company.unit.slug, directory.public_id, rule.public_id)
    )

    initial = page.context["form"].initial
    assert (initial["known_departments"], initial["typed"], initial["order"]) == (["Research"], "Sales", 4)
    assert (initial["sets_hours"], initial["days"], f"{initial['starts']:%H:%M}") == (True, ["tue"], "10:00")


def test_a_change_is_a_plan_and_the_rule_stays_until_it_is_applied(company, directory):
    rule = make_rule(directory)
    path = at("rule_edit", company.unit.slug, directory.public_id, rule.public_id)

    signed_in(company.olga).post(path, {**FORM, "name": "All", "role": "coordinator"})

    rule.refresh_from_db()
    draft = Plan.objects.get().draft
    assert (rule.name, rule.role) == ("Everybody", "employee")
    assert (draft["name"], draft["role"], draft["active"]) == ("All", "coordinator", True)


@pytest.mark.parametrize(
    ("name", "sent", "drafted"),
    [("rule_switch", {"active": "off"}, {"active": False}), ("rule_remove", {}, {"removed": True})],
)
def test_switching_off_and_removing_are_plans_too(company, directory, name, sent, drafted):
    rule = make_rule(directory)

    signed_in(company.olga).post(at(name, company.unit.slug, directory.public_id, rule.public_id), sent)

    rule.refresh_from_db()
    assert (rule.active, rule.removed_at) == (True, None)
    assert drafted.items() <= Plan.objects.get().draft.items()


def test_the_rule_says_that_a_change_of_it_waits(company, directory):
    rule = make_rule(directory)
    plan = make_plan(directory, purpose="rule", rule=rule, draft={"active": False})

    page = signed_in(company.olga).get(
        at("rule_edit", company.unit.slug, directory.public_id, rule.public_id)
    )

    assert at("plan", company.unit.slug, plan.public_id) in page.content.decode()


def test_a_rule_of_another_directory_is_not_found(company, directory):
    other = make_directory(company.unit, by=company.olga, tenant="other.example")
    rule = make_rule(other)

    answer = signed_in(company.olga).get(
        at("rule_edit", company.unit.slug, directory.public_id, rule.public_id)
    )

    assert answer.status_code == 404


# --- limits ---------------------------------------------------------------------------------------------------------
def test_limits_are_kept_and_looking_at_them_makes_no_row(company, directory):
    client, path = signed_in(company.olga), at("policy", company.unit.slug, directory.public_id)

    client.get(path)
    directory.refresh_from_db()
    assert not hasattr(directory, "policy")

    client.post(path, {"ask_first": "on", "share": "10", "floor": "1", "most": "50"})
    directory.refresh_from_db()
    policy = directory.policy
    assert (policy.ask_first, policy.share, policy.floor, policy.most) == (True, 10, 1, 50)


@pytest.mark.parametrize("wrong", [{"share": "101"}, {"share": "-1"}, {"floor": "40000"}, {"most": ""}])
def test_limits_out_of_range_are_refused(company, directory, wrong):
    path = at("policy", company.unit.slug, directory.public_id)

    answer = signed_in(company.olga).post(path, {"share": "10", "floor": "1", "most": "50", **wrong})

    assert answer.status_code == 422


def test_a_plan_is_made_by_hand(company, directory):
    make_reading(directory)

    answer = signed_in(company.olga).post(at("plan_new", company.unit.slug, directory.public_id))

    plan = Plan.objects.get()
    assert answer.headers["Location"] == at("plan", company.unit.slug, plan.public_id)
    assert (plan.purpose, plan.made_by) == ("by_hand", company.olga)


def test_the_home_costs_the_same_however_many_rules_and_directories(
    company, directory, django_assert_num_queries
):
    def fill(row):
        group = make_group(row, f"Group of {row.pk}")
        make_rule(row, "By group", kind="group", values=[group.external_id])
        plan = make_plan(row)
        make_item(plan, "add", "matches")
        make_run(plan)
        make_plan(row, "ready")

    client, path = signed_in(company.olga), at("people", company.unit.slug)
    fill(directory)
    client.get(path)
    with django_assert_num_queries(8):
        client.get(path)
    for n in range(3):
        row = make_directory(company.unit, by=company.olga, tenant=f"t{n}.example")
        fill(row)
        make_rule(row, "Another")

    with django_assert_num_queries(8):
        client.get(path)
