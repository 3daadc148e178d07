"""What people enter about roles: who gets which, on what, why and until when."""

from datetime import date, datetime, time, timedelta

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orgunits import rights
from orgunits.models import Application
from orgunits.roles import OPS_ADMIN, ROLES, Role

YEARS_AHEAD = 10


def end_of(day: date) -> datetime:
    """The instant at which `day` is over in the viewer's zone."""
    return datetime.combine(day + timedelta(days=1), time(), timezone.get_current_timezone())


class ReasonForm(forms.Form):
    """Why somebody gets a role or loses it."""

    why = forms.CharField(label=_("Reason"), max_length=300, required=False)


class TermsForm(ReasonForm):
    """Why somebody gets a role, and until when."""

    until = forms.DateField(
        label=_("Last day"), required=False, widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["why"].help_text = _("Shown beside the role.")
        self.fields["until"].help_text = _(
            "The role ends by itself when this day is over in %(zone)s. Without a day it stays until somebody "
            "takes it away."
        ) % {"zone": timezone.get_current_timezone_name()}

    def clean_until(self) -> datetime | None:
        day = self.cleaned_data["until"]
        if day is None:
            return None
        today = timezone.localdate()
        if day < today:
            raise forms.ValidationError(_("This day is over. Choose today or a later one."))
        if day.year > today.year + YEARS_AHEAD:
            raise forms.ValidationError(_("Choose a day within the next ten years."))
        return end_of(day)


class GrantForm(TermsForm):
    """A role for one member: of the whole unit, or of one application. Ops Admin has a page of its own."""

    role = forms.ChoiceField(label=_("Role"), widget=forms.RadioSelect)
    application = forms.ChoiceField(label=_("Application"), required=False)
    field_order = ["role", "application", "why", "until"]

    def __init__(self, *args, roles: list[Role], applications: list[Application], **kwargs):
        super().__init__(*args, **kwargs)
        offered = [role for role in roles if role != OPS_ADMIN and (applications or not role.on_application)]
        self.fields["role"].choices = [(role.code, role.name) for role in offered]
        self.fields["role"].descriptions = {role.code: role.sentence for role in offered}
        self.by_id = {row.public_id: row for row in applications}
        if any(role.on_application for role in offered):
            self.fields["application"].choices = [
                ("", _("None: the role is for the whole unit")),
                *((row.public_id, f"{row.name} ({row.get_environment_display()})") for row in applications),
            ]
            self.fields["application"].help_text = _("Only for Developer and Application Support.")
        else:
            del self.fields["application"]

    def clean(self) -> dict:
        role = ROLES.get(self.cleaned_data.get("role", ""))
        chosen = self.by_id.get(self.cleaned_data.get("application") or "")
        if role and role.on_application and chosen is None and "application" not in self.errors:
            self.add_error("application", _("This role is for one application: choose which."))
        if role and not role.on_application and chosen is not None:
            self.add_error("application", _("This role is for the whole unit: choose no application."))
        return {**self.cleaned_data, "role": role, "application": chosen}


class ApplicationGrantForm(TermsForm):
    """A role on one application, for a member who was searched for."""

    member = forms.CharField(widget=forms.HiddenInput, max_length=40)
    role = forms.ChoiceField(label=_("Role"), widget=forms.RadioSelect)
    field_order = ["member", "role", "why", "until"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        offered = [role for role in ROLES.values() if role.on_application]
        self.fields["role"].choices = [(role.code, role.name) for role in offered]
        self.fields["role"].descriptions = {role.code: role.sentence for role in offered}


class MemberSearchForm(forms.Form):
    """Part of a name or address."""

    q = forms.CharField(
        label=_("Name or address"),
        required=False,
        max_length=200,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "hx-get": "",
                "hx-trigger": "input changed delay:300ms",
                "hx-include": "closest form",
                "hx-select": "#candidates",
                "hx-target": "#candidates",
                "hx-swap": "outerHTML",
            }
        ),
    )


class AskForm(MemberSearchForm):
    """Who, what, and on which application: the question "Can X do Y to Z?"."""

    right = forms.ChoiceField(label=_("May they"), required=False)
    application = forms.ChoiceField(label=_("With which application"), required=False)

    def __init__(self, *args, applications: list[Application], **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["q"].label = _("Member’s name or address")
        self.fields["right"].choices = [
            ("", _("Choose")),
            (_("Their own schedule"), [(f"own.{right}", w) for right, w in rights.ON_OWN_SCHEDULE.items()]),
            (_("The unit"), [(f"unit.{right}", w) for right, w in rights.ON_UNIT.items()]),
            (_("Applications"), [(f"application.{right}", w) for right, w in rights.ON_APPLICATION.items()]),
        ]
        self.by_id = {row.public_id: row for row in applications}
        self.fields["application"].choices = [
            ("", _("All, those made later included")),
            *((row.public_id, f"{row.name} ({row.get_environment_display()})") for row in applications),
        ]

    def question(self) -> tuple[str, str, Application | None] | None:
        """What is asked about ("own", "unit" or "application"), the right, and the one application if there is."""
        if not self.is_valid() or not self.cleaned_data["right"]:
            return None
        about, right = self.cleaned_data["right"].split(".")
        chosen = self.by_id.get(self.cleaned_data["application"]) if about == "application" else None
        return about, right, chosen
