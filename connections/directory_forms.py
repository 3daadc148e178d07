"""What people enter about directories: the questions of the wizard, and the filters of the lists."""

from django import forms
from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _

from orgunits.csv_files import Unreadable

from .directory_files import LARGEST_BYTES, read
from .directory_list import NO_PERSON, PRESENCES
from .directory_words import EXTRA_REASONS, scopes_added
from .forms import AdministratorForm
from .models import DirectoryPerson, DirectorySheetLine
from .modes import Extra, extras_offered


class DirectoryStartForm(AdministratorForm):
    """Which directory, and who can agree; nobody has to for a file."""

    field_order = ("provider", "administrator")
    provider = forms.ChoiceField(
        label=_("Which directory holds these people?"),
        choices=[
            ("google", _("Google Workspace")),
            ("microsoft", _("Microsoft Entra")),
            ("csv", _("Another one, by CSV file")),
        ],
        widget=forms.RadioSelect,
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["provider"].descriptions = {
            "csv": _("You upload a file each time people come or go. Nobody has to agree.")
        }
        self.fields["administrator"].required = False
        self.fields["administrator"].help_text = now_("Needed for Google and Microsoft, not for a CSV file.")

    def clean(self) -> dict:
        values = super().clean()
        if values.get("provider") not in {None, "csv"} and not values.get("administrator"):
            self.add_error("administrator", now_("This field is required."))
        return values


class FileDirectoryForm(forms.Form):
    """How a directory that is kept by files is called."""

    label = forms.CharField(
        label=_("Whom do the files hold?"),
        max_length=80,
        help_text=_("For example a mail domain, a company or a team: it tells this directory from others."),
    )


class UploadForm(forms.Form):
    """A file of people; `cleaned_data["people"]` is what was read."""

    file = forms.FileField(
        label=_("CSV file"),
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,text/csv,text/plain"}),
        help_text=_("UTF-8, separated by commas, semicolons or tabs; at most 16 MB and 50,000 lines."),
    )

    def clean(self) -> dict:
        values = super().clean()
        if file := values.get("file"):
            try:
                values["people"] = read(file.read(LARGEST_BYTES + 1))
            except Unreadable as problem:
                self.add_error("file", str(problem))
        return values


class LinesFilterForm(forms.Form):
    """Which lines of a file to show; lives in the URL."""

    q = forms.CharField(label=_("Name, address or id"), required=False, max_length=100)
    show = forms.ChoiceField(
        label=_("What happens"), required=False, choices=[("", _("Any")), *DirectorySheetLine.Outcome.choices]
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
