"""Addresses of rules, plans, runs and leavers; all of them are a unit's."""

from django.urls import path

from .views import home, plans, rules

_DIRECTORY = "people/<str:connection_id>/"
_RULE = f"{_DIRECTORY}rules/<str:rule_id>/"
_PLAN = "people/plans/<str:plan_id>/"

unit_urls = [
    path("people/", home.people, name="people"),
    path(_PLAN, plans.plan, name="plan"),
    path(f"{_PLAN}progress/", plans.plan_progress, name="plan_progress"),
    path(f"{_PLAN}export/", plans.plan_export, name="plan_export"),
    path(f"{_PLAN}decide/", plans.plan_decide, name="plan_decide"),
    path(f"{_PLAN}apply/", plans.plan_apply, name="plan_apply"),
    path(f"{_PLAN}discard/", plans.plan_discard, name="plan_discard"),
    path(f"{_DIRECTORY}plan/", plans.plan_new, name="plan_new"),
    path(f"{_DIRECTORY}policy/", rules.policy, name="policy"),
    path(f"{_DIRECTORY}rules/new/", rules.rule_new, name="rule_new"),
    path(_RULE, rules.rule_edit, name="rule_edit"),
    path(f"{_RULE}switch/", rules.rule_switch, name="rule_switch"),
    path(f"{_RULE}remove/", rules.rule_remove, name="rule_remove"),
]
