"""What people enter about runs."""

from datetime import date, timedelta

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orgunits.forms.units import TypedNameForm

from .leaver_forms import KeepForm
from .models import PlanItem, ProvisioningRun
from .run_list import Action, Result

KEPT_DAYS = 14  # long enough to mend a directory


class RunFilterForm(forms.Form):
    """Which runs to show; lives in the URL."""

    state = forms.ChoiceField(
        label=_("State"), required=False, choices=[("", _("Any")), *ProvisioningRun.State.choices]
    )
    directory = forms.ChoiceField(label=_("Directory"), required=False)

    def __init__(self, *args, directories: list, **kwargs):
        super().__init__(*args, **kwargs)
        named = [(row.public_id, str(row)) for row in directories]
        self.fields["directory"].choices = [("", _("Any")), *named]


class ItemFilterForm(forms.Form):
    """Which people of a run to show; lives in the URL."""

    q = forms.CharField(label=_("Name or beginning of the address"), required=False, max_length=100)
    result = forms.ChoiceField(
        label=_("Result"),
        required=False,
        choices=[
            ("", _("Any")),
            *((r.value, r.label) for r in (Result.DONE, Result.FAILED, Result.HELD, Result.TODO)),
        ],
    )
    action = forms.ChoiceField(
        label=_("What was planned"),
        required=False,
        choices=[
            ("", _("Anything")),
            *((a.value, a.label) for a in PlanItem.Action if a not in (Action.SKIP, Action.CONFLICT)),
        ],
    )


class ApproveForm(TypedNameForm):
    """Somebody looked at the people whom the guard holds back, and says that exactly they go."""

    digest = forms.CharField(widget=forms.HiddenInput, max_length=64)


def default_day() -> date:
    """Until when everybody is kept, unless somebody names another day."""
    return timezone.localdate() + timedelta(days=KEPT_DAYS)


class KeepAllForm(KeepForm):
    """Until when none of those whom the guard holds back is asked about again."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["keep_until"].initial = default_day
        self.fields["keep_until"].label = _("Keep all of them until")
