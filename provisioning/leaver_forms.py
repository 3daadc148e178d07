"""What people enter about leavers."""

from datetime import date, timedelta

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .leaver_list import STATES
from .offboarding import KEEP_DAYS

LONGEST_DAYS = 3660


class LeaverFilterForm(forms.Form):
    """Which leavers to show; lives in the URL."""

    q = forms.CharField(label=_("Name or beginning of the address"), required=False, max_length=100)
    state = forms.ChoiceField(label=_("State"), required=False, choices=[("", _("Any")), *STATES.items()])
    directory = forms.ChoiceField(label=_("Left by"), required=False)

    def __init__(self, *args, directories: list, **kwargs):
        super().__init__(*args, **kwargs)
        named = [(row.public_id, str(row)) for row in directories]
        self.fields["directory"].choices = [("", _("Any directory, or by hand")), *named]


def default_day() -> date:
    """Until when somebody is kept whom one click brings back."""
    return timezone.localdate() + timedelta(days=KEEP_DAYS)


class KeepForm(forms.Form):
    """Until when no run may take somebody for a leaver."""

    keep_until = forms.DateField(
        label=_("Keep until"),
        initial=default_day,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def clean_keep_until(self) -> date:
        day, today = self.cleaned_data["keep_until"], timezone.localdate()
        if day <= today:
            raise forms.ValidationError(_("Name a day that is still to come."))
        if day > today + timedelta(days=LONGEST_DAYS):
            raise forms.ValidationError(_("Ten years are the most."))
        return day


class SignOffForm(forms.Form):
    """What somebody writes under a dossier."""

    note = forms.CharField(
        label=_("Note (optional)"),
        help_text=_("For example, what was handed over, and to whom. It is deleted with the person’s name."),
        max_length=300,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
