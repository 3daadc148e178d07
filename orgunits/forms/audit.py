"""What people look for in the audit log."""

from datetime import UTC, date, datetime, time, timedelta

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from orgunits.audit_log import Chosen
from orgunits.audit_verbs import CATEGORIES, verbs_of
from orgunits.models import AuditEvent

_YEARS = [MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2199, 12, 31))]


class _Day(forms.DateField):
    def __init__(self, label: str):
        widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        super().__init__(label=label, required=False, widget=widget, validators=_YEARS)


class AuditFilterForm(forms.Form):
    """Which events to show; lives in the URL. Days are days of the viewer's zone."""

    actor = forms.CharField(label=_("Who"), required=False, max_length=100)
    action = forms.ChoiceField(label=_("Action"), required=False)
    object = forms.CharField(label=_("About"), required=False, max_length=100)
    since = _Day(_("From"))
    until = _Day(_("To"))
    origin = forms.ChoiceField(
        label=_("Origin"), required=False, choices=[("", _("Any")), *AuditEvent.Origin.choices]
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["action"].choices = _actions()

    def clean_until(self) -> date | None:
        since, until = self.cleaned_data.get("since"), self.cleaned_data["until"]
        if since and until and until < since:
            raise forms.ValidationError(_("This day is before the first one."))
        return until

    @property
    def chosen(self) -> Chosen | None:
        """What the list is narrowed to; None where something entered cannot be meant."""
        if not self.is_valid():
            return None
        data = self.cleaned_data
        return Chosen(
            actor=data["actor"],
            action=data["action"],
            object=data["object"],
            since=_midnight(data["since"]),
            until=_midnight(data["until"] + timedelta(days=1) if data["until"] else None),
            origin=data["origin"],
        )


def _actions() -> list:
    """Every category with its verbs below."""
    choices: list = [("", _("Any"))]
    for category, (name, _parts) in CATEGORIES.items():
        if verbs := verbs_of(category):
            whole = (category, format_lazy("{}: {}", name, _("all")))
            choices.append((name, [whole, *verbs.items()]))
    return choices


def _midnight(day: date | None) -> datetime | None:
    """The instant at which `day` begins for the viewer."""
    if day is None:
        return None
    return timezone.make_aware(datetime.combine(day, time.min)).astimezone(UTC)
