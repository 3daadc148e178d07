"""What people enter about directories: the questions of the wizard, and the filters of the lists."""

from django import forms
from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _

from .directory_list import NO_PERSON, PRESENCES
from .directory_words import EXTRA_REASONS, scopes_added
from .forms import AdministratorForm
from .models import DirectoryPerson
from .modes import Extra, extras_offered


class DirectoryStartForm(AdministratorForm):
    """Who can agree, and which directory."""

    provider = forms.ChoiceField(
        label=_("Which directory holds these people?"),
        choices=[("google", _("Google Workspace")), ("microsoft", _("Microsoft Entra"))],
        widget=forms.RadioSelect,
    )


class ExtrasForm(forms.Form):
    """What a directory is asked beyond people; each with its reason and its scopes."""

    extras = forms.MultipleChoiceField(
        label=_("Read more than people?"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args, provider: str, **kwargs):
        super().__init__(*args, **kwargs)
        offered = extras_offered(provider)
        field = self.fields["extras"]
        field.choices = [(extra, Extra(extra).label) for extra in offered]
        field.descriptions = {
            extra: now_("%(reason)s It asks for: %(scopes)s")
            % {"reason": EXTRA_REASONS[extra], "scopes": ", ".join(scopes_added(provider, extra))}
            for extra in offered
        }


class PeopleFilterForm(forms.Form):
    """Which people of a directory to show; lives in the URL."""

    q = forms.CharField(label=_("Name or beginning of the address"), required=False, max_length=100)
    kind = forms.ChoiceField(
        label=_("What it is"),
        required=False,
        choices=[("", _("Any")), *DirectoryPerson.Kind.choices, (NO_PERSON, _("Anything but a person"))],
    )
    presence = forms.ChoiceField(
        label=_("In the directory"), required=False, choices=[("", _("Any")), *PRESENCES.items()]
    )
    group = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)


class NameFilterForm(forms.Form):
    """Which groups or rooms to show; lives in the URL."""

    q = forms.CharField(label=_("Name or beginning of the address"), required=False, max_length=100)
