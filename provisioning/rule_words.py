"""Whom a rule is for, and what it does, in words. Pure."""

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from datetime import date

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later_
from django.utils.translation import ngettext

from orgunits.roles import ROLES

from . import hours
from .models import ProvisioningRule
from .plan_values import Kind

VALUES_NAMED = 3
Welcome = ProvisioningRule.Welcome


def source(rule: ProvisioningRule, groups: Mapping[str, str]) -> str:
    """Whom the rule is for. `groups`: names of the directory's groups by their id there."""
    match rule.kind:
        case Kind.EVERYBODY:
            return _("Everybody in the directory")
        case Kind.PATH:
            return _("Who is under the path %s") % _listed(rule.values)
        case Kind.DEPARTMENT:
            return _("Who is of the department %s") % _listed(rule.values)
        case Kind.ATTRIBUTE:
            return _("Whose “%(attribute)s” is %(values)s") % {
                "attribute": rule.attribute,
                "values": _listed(rule.values),
            }
        case _:
            named = _listed(groups.get(value, value) for value in rule.values)
            words = (
                _("Who is in the group %s, nested groups too") if rule.nested else _("Who is directly in %s")
            )
            return words % named


def _listed(values: Iterable[str]) -> str:
    """“a”, “b” or “c”; of many, the first ones and how many more."""
    quoted = [f"“{value}”" for value in values]
    if not quoted:
        return _("(none named)")
    if len(quoted) > VALUES_NAMED:
        more = len(quoted) - VALUES_NAMED
        words = ngettext("%(first)s or %(more)s other", "%(first)s or %(more)s others", more)
        return words % {"first": ", ".join(quoted[:VALUES_NAMED]), "more": more}
    if len(quoted) == 1:
        return quoted[0]
    return _("%(first)s or %(last)s") % {"first": ", ".join(quoted[:-1]), "last": quoted[-1]}


def role(code: str) -> str:
    """What a role is called."""
    return str(ROLES[code].name) if code in ROLES else code


def settings(rule: ProvisioningRule) -> list[str]:
    """What else the rule says: zone, hours, the welcome mail. Empty when it says nothing."""
    lines = []
    if rule.time_zone:
        lines.append(_("Time zone %s") % rule.time_zone)
    if rule.working_hours:
        lines.append(_("Works %s") % hours.in_short(rule.working_hours))
    if rule.welcome == Welcome.NOW:
        lines.append(_("Welcome mail at once"))
    elif rule.welcome == Welcome.ON_DATE:
        lines.append(_("Welcome mail on %s") % day(rule.welcome_on))
    return lines


def day(value: date | None) -> str:
    """A day as the viewer's language writes it."""
    return date_format(value, "j M Y") if value else _("a day that is not set")


@dataclass(frozen=True)
class Difference:
    """One thing about a rule, as it is and as it shall be."""

    label: str
    before: str
    after: str


def as_drafted(rule: ProvisioningRule, draft: Mapping[str, object]) -> ProvisioningRule:
    """A rule that is nowhere stored: `rule` with the fields of `draft`."""
    drafted = copy(rule)
    for name, value in draft.items():
        if name == "removed":
            drafted.active = rule.active and not value
        elif name == "welcome_on":
            drafted.welcome_on = date.fromisoformat(value) if value else None
        else:
            setattr(drafted, name, value)
    return drafted


def differences(old: ProvisioningRule, new: ProvisioningRule, groups: Mapping[str, str]) -> list[Difference]:
    """What is not the same in two versions of a rule."""
    told = ((label, words(old, groups), words(new, groups)) for label, words in _TOLD)
    return [Difference(str(label), before, after) for label, before, after in told if before != after]


def _hours(rule: ProvisioningRule) -> str:
    return hours.in_short(rule.working_hours) if rule.working_hours else _("not set by the rule")


def _welcome(rule: ProvisioningRule) -> str:
    on = f": {day(rule.welcome_on)}" if rule.welcome == Welcome.ON_DATE else ""
    return f"{Welcome(rule.welcome).label}{on}"


_TOLD = (
    (later_("State"), lambda rule, groups: _("On") if rule.active else _("Off")),
    (later_("Name"), lambda rule, groups: rule.name),
    (later_("Order"), lambda rule, groups: str(rule.order)),
    (later_("Whom it is for"), source),
    (later_("Role"), lambda rule, groups: role(rule.role)),
    (later_("Time zone"), lambda rule, groups: rule.time_zone or _("as the directory tells")),
    (later_("Working hours"), lambda rule, groups: _hours(rule)),
    (later_("Welcome mail"), lambda rule, groups: _welcome(rule)),
    (later_("On leaving"), lambda rule, groups: str(rule.OnLeaving(rule.on_leaving).label)),
)
