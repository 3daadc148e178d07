"""What people enter about connections and members' calendars."""

from datetime import date
from zoneinfo import available_timezones

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orgunits.models import Member
from orgunits.roles import ROLES

from .domains import NotADomain, normal_domain
from .models import CalendarConnection, Mailbox
from .modes import AccessMode


class AddressForm(forms.Form):
    """Another address for a member."""

    email = forms.EmailField(label=_("E-mail address"), max_length=254)


class NamesForm(forms.Form):
    """What a member is called, and where they belong."""

    given_name = forms.CharField(label=_("Given name"), max_length=100, required=False)
    family_name = forms.CharField(label=_("Family name"), max_length=100, required=False)
    department = forms.CharField(label=_("Department"), max_length=200, required=False)


class AdministratorForm(forms.Form):
    """The first question of the wizard."""

    administrator = forms.ChoiceField(
        label=_("Are you an administrator of the Google or Microsoft tenant?"),
        choices=[("yes", _("Yes, I am")), ("no", _("No, somebody else is"))],
        widget=forms.RadioSelect,
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["administrator"].descriptions = {
            "yes": _("You can sign in there and agree for the whole organization."),
            "no": _(
                "We make a link for that person. They need no account here and can do only this one step."
            ),
        }


class ServiceForm(forms.Form):
    """Which calendar service."""

    provider = forms.ChoiceField(
        label=_("Which calendar service do these people use?"),
        choices=[
            ("google", _("Google Workspace")),
            ("microsoft", _("Microsoft 365")),
            ("none", _("Another service, or none we may read")),
        ],
        widget=forms.RadioSelect,
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["provider"].descriptions = {
            "google": _("Read Write, Free/Busy or No Access."),
            "microsoft": _("Read Write, Free/Busy or No Access."),
            "none": _("No Access: people keep their availability here."),
        }


class DomainsForm(forms.Form):
    """The mail domains of a connection that opens nothing by itself."""

    domains = forms.CharField(
        label=_("Mail domains of these people"),
        help_text=_("One in a line, for example etcd.example."),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=5000,
    )

    def clean_domains(self) -> list[str]:
        names, wrong = [], []
        for text in self.cleaned_data["domains"].replace(",", "\n").split():
            try:
                names.append(normal_domain(text))
            except NotADomain:
                wrong.append(text)
        if wrong:
            raise forms.ValidationError(_("Not a mail domain: %(names)s"), params={"names": ", ".join(wrong)})
        return sorted(set(names))


class DomainForm(forms.Form):
    """One more mail domain of a connection."""

    domain = forms.CharField(label=_("Mail domain"), max_length=255, help_text=_("For example example.com."))

    def clean_domain(self) -> str:
        try:
            return normal_domain(self.cleaned_data["domain"])
        except NotADomain:
            raise forms.ValidationError(_("This is not a mail domain.")) from None


class SecretTextarea(forms.Textarea):
    """Never shows again what was typed."""

    def format_value(self, value) -> str:
        return ""


class ServiceAccountForm(forms.Form):
    """A Google service-account key of this unit."""

    key_json = forms.CharField(
        label=_("Service account key (JSON)"),
        help_text=_("The file that Google’s console downloads, whole. It is sealed before it is stored."),
        widget=SecretTextarea(attrs={"rows": 8, "spellcheck": "false", "autocomplete": "off"}),
        max_length=10_000,
    )


class RegistrationForm(forms.Form):
    """A Microsoft app registration of this unit."""

    client_id = forms.UUIDField(label=_("Application (client) ID"))
    client_secret = forms.CharField(
        label=_("Client secret"),
        help_text=_("Its value, not its id. It is sealed before it is stored."),
        max_length=500,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )


class EndDateForm(forms.Form):
    """When a new secret ends, as the provider says."""

    ends_on = forms.DateField(
        label=_("Works until"),
        required=False,
        help_text=_("If the provider names a last day: we warn 30, 14 and 3 days before. Empty: not told."),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def clean_ends_on(self) -> date | None:
        ends_on = self.cleaned_data["ends_on"]
        if ends_on is not None and ends_on < timezone.now().date():
            raise forms.ValidationError(_("This day is over."))
        return ends_on


class NewKeyForm(EndDateForm):
    """Another key of the same service account."""

    secret = forms.CharField(
        label=_("New service account key (JSON)"),
        help_text=_("The file that Google’s console downloads, whole. It is sealed before it is stored."),
        widget=SecretTextarea(attrs={"rows": 8, "spellcheck": "false", "autocomplete": "off"}),
        max_length=10_000,
    )
    field_order = ["secret", "ends_on"]


class NewSecretForm(EndDateForm):
    """Another client secret of the same app registration."""

    secret = forms.CharField(
        label=_("New client secret"),
        help_text=_("Its value, not its id. It is sealed before it is stored."),
        max_length=500,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    field_order = ["secret", "ends_on"]


class MemberFilterForm(forms.Form):
    """Which members to show; lives in the URL."""

    q = forms.CharField(label=_("Name or address"), required=False, max_length=100)
    role = forms.ChoiceField(label=_("Role"), required=False)
    state = forms.ChoiceField(
        label=_("Membership"),
        required=False,
        choices=[("", _("All but removed")), *Member.State.choices],
    )
    identity = forms.ChoiceField(
        label=_("Identity"), required=False, choices=[("", _("Any")), *Member.Identity.choices]
    )
    source = forms.ChoiceField(
        label=_("How they came"), required=False, choices=[("", _("Any")), *Member.CameBy.choices]
    )
    host = forms.CharField(label=_("Mail domain"), required=False, max_length=255)
    connection = forms.ChoiceField(label=_("Connection"), required=False)
    mode = forms.ChoiceField(
        label=_("Access mode"), required=False, choices=[("", _("Any")), *AccessMode.choices]
    )
    calendar = forms.ChoiceField(label=_("Calendar"), required=False)
    FIRST = ("q", "role", "state")  # the others are folded away until they are used

    def __init__(self, *args, connections: list[CalendarConnection], **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["connection"].choices = [
            ("", _("Any")),
            *((connection.public_id, str(connection)) for connection in connections),
        ]
        failures = [(f"failing:{code}", _("Failing: %s") % label) for code, label in Mailbox.Failure.choices]
        decided = [("several", _("Matched by two connections")), ("none", _("Matched by none"))]
        self.fields["calendar"].choices = [("", _("Any")), *Mailbox.State.choices, *failures, *decided]
        self.fields["role"].choices = [("", _("Any")), *((role.code, role.name) for role in ROLES.values())]

    @property
    def first(self) -> list[forms.BoundField]:
        """What people look for most."""
        return [self[name] for name in self.FIRST]

    @property
    def further(self) -> list[forms.BoundField]:
        """Everything else."""
        return [field for field in self if field.name not in self.FIRST]

    @property
    def uses_further(self) -> bool:
        return any(self.cleaned_data.get(field.name) for field in self.further)


class WorkingHoursForm(forms.Form):
    """The same working hours on each of some days of the week."""

    starts = forms.TimeField(label=_("Works from"), widget=forms.TimeInput(attrs={"type": "time"}))
    ends = forms.TimeField(label=_("until"), widget=forms.TimeInput(attrs={"type": "time"}))
    days = forms.MultipleChoiceField(
        label=_("On these days"),
        widget=forms.CheckboxSelectMultiple,
        choices=[
            ("mon", _("Monday")),
            ("tue", _("Tuesday")),
            ("wed", _("Wednesday")),
            ("thu", _("Thursday")),
            ("fri", _("Friday")),
            ("sat", _("Saturday")),
            ("sun", _("Sunday")),
        ],
    )

    def clean(self) -> dict:
        data = super().clean()
        if data.get("starts") and data.get("ends") and data["starts"] >= data["ends"]:
            self.add_error("ends", _("Work has to end after it starts."))
        return data

    @property
    def hours(self) -> dict[str, list[list[str]]]:
        """The weekly hours entered."""
        data = self.cleaned_data
        period = [f"{data['starts']:%H:%M}", f"{data['ends']:%H:%M}"]
        return {day: [period] for day in data["days"]}


class MemberSettingsForm(WorkingHoursForm):
    """A member's zone and working hours, set by hand."""

    time_zone = forms.ChoiceField(label=_("Time zone"))
    field_order = ["time_zone"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["time_zone"].choices = [(zone, zone) for zone in sorted(available_timezones())]
