"""Pages of rules: the form of one, what becomes of it, and how carefully its directory is followed.

Nothing here changes a member, nor a rule that is on: each change is a plan first.
"""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from connections.models import Connection
from orgunits.access import unit_view
from orgunits.models import OrganizationalUnit
from orgunits.roles import AboveOwnRole, NotGrantable, Role, grantable_in, may_grant
from provisioning import rule_list, rules
from provisioning.forms import NEW_RULE, PolicyForm, RuleForm, entered, initial_of
from provisioning.models import DirectoryPolicy, ProvisioningRule
from provisioning.plan_values import Kind

from .common import RIGHT, directory_of, rule_of


@unit_view(RIGHT, fresh=True)
def rule_new(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """A new rule. It is stored switched off; a plan shows what switching it on would do."""
    row, now = directory_of(unit, connection_id), timezone.now()
    form = _form(request, row, None)
    if form.is_valid():
        try:
            rule = rules.create_rule(row, form.draft, by=request.user, now=now)
            plan = rules.plan_change(rule, form.draft | {"active": True}, by=request.user, now=now)
        except (AboveOwnRole, NotGrantable):
            raise PermissionDenied(_("This role cannot be given or taken by you here.")) from None
        messages.success(request, _("Saved, switched off. The plan shows what switching it on would do."))
        return redirect("plan", slug=unit.slug, plan_id=plan.public_id)
    return _page(request, row, form, None)


@unit_view(RIGHT, fresh=True)
def rule_edit(
    request: HttpRequest, unit: OrganizationalUnit, connection_id: str, rule_id: str
) -> HttpResponse:
    """A rule to look at and to change. The change takes effect when its plan is applied."""
    row = directory_of(unit, connection_id)
    rule = rule_of(row, rule_id)
    form = _form(request, row, rule)
    if form.is_valid():
        return _plan(request, unit, rule, rules.draft_of(rule) | form.draft)
    return _page(request, row, form, rule)


@unit_view(RIGHT, fresh=True)
@require_POST
def rule_switch(
    request: HttpRequest, unit: OrganizationalUnit, connection_id: str, rule_id: str
) -> HttpResponse:
    """A plan by which the rule is switched on, or off."""
    rule = rule_of(directory_of(unit, connection_id), rule_id)
    return _plan(request, unit, rule, rules.draft_of(rule) | {"active": request.POST.get("active") == "on"})


@unit_view(RIGHT, fresh=True)
@require_POST
def rule_remove(
    request: HttpRequest, unit: OrganizationalUnit, connection_id: str, rule_id: str
) -> HttpResponse:
    """A plan by which the rule is removed: whoever came by it leaves it."""
    rule = rule_of(directory_of(unit, connection_id), rule_id)
    return _plan(request, unit, rule, {"removed": True})


@unit_view(RIGHT, fresh=True)
def policy(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """Whether somebody looks before every run, and how many may go without anybody looking."""
    row = directory_of(unit, connection_id)
    known = getattr(row, "policy", None) or DirectoryPolicy(unit=unit, connection=row)
    form = PolicyForm(request.POST if request.method == "POST" else None, instance=known)
    if form.is_valid():
        rules.set_policy(row, **form.cleaned_data, by=request.user, now=timezone.now())
        messages.success(request, _("Saved. It holds from the next run on."))
        return redirect("people", slug=unit.slug)
    context = {"connection": row, "form": form}
    return render(request, "provisioning/policy.html", context, status=422 if form.errors else 200)


def _plan(
    request: HttpRequest, unit: OrganizationalUnit, rule: ProvisioningRule, draft: dict
) -> HttpResponse:
    try:
        plan = rules.plan_change(rule, draft, by=request.user, now=timezone.now())
    except (AboveOwnRole, NotGrantable):
        raise PermissionDenied(_("This role cannot be given or taken by you here.")) from None
    messages.info(request, _("Nothing is changed yet. Apply this plan, and the rule changes with it."))
    return redirect("plan", slug=unit.slug, plan_id=plan.public_id)


def _form(request: HttpRequest, row: Connection, rule: ProvisioningRule | None) -> RuleForm:
    """The form as it is asked for: sent off, searching for groups, or new."""
    sent = request.method == "POST" and not _searches(request)
    known = rule_list.suggestions(row)
    initial = initial_of(rules.draft_of(rule), known) if rule else NEW_RULE
    if request.method == "POST":
        initial = entered(request.POST)
    chosen = [value for value in initial.get("groups", []) if "\0" not in value]
    words = initial.get("words", "").replace("\0", "")
    return RuleForm(
        request.POST if sent else None,
        initial=initial,
        connection=row,
        roles=_grantable(request, row),
        known=known,
        groups=rule_list.groups_called(row, words, chosen),
    )


def _searches(request: HttpRequest) -> bool:
    """Whether the form asks for other groups: by its button, or by Enter after another word was typed."""
    asked = request.POST
    other = asked.get("words", "") != asked.get("listed_for", "")
    return "search" in asked or ("enter" in asked and asked.get("kind") == Kind.GROUP and other)


def _grantable(request: HttpRequest, row: Connection) -> list[Role]:
    """The roles the viewer may give here."""
    rights = request.access.rights
    return [role for role in grantable_in(row.unit) if may_grant(role, rights)]


def _page(
    request: HttpRequest, row: Connection, form: RuleForm, rule: ProvisioningRule | None
) -> HttpResponse:
    waiting = rule and rule.plans.filter(state__in=rule_list.OPEN).order_by("-made_at").first()
    context = {
        "connection": row,
        "form": form,
        "rule": rule,
        "waiting": waiting or None,
        "reads_groups": rule_list.reads_groups(row),
        "listed_for": request.POST.get("words", ""),
    }
    return render(request, "provisioning/rule_form.html", context, status=422 if form.errors else 200)
