"""What people enter about their own sign-in."""

from zoneinfo import available_timezones

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _

from orgunits.models import User
from orgunits.names import normal_address


class PreferencesForm(forms.ModelForm):
    """How pages look for one person."""

    class Meta:
        model = User
        fields = ["first_name", "last_name", "time_zone"]
        labels = {"first_name": _("First name"), "last_name": _("Last name"), "time_zone": _("Time zone")}
        help_texts = {"time_zone": _("Pages show times in this zone, and name it.")}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        zones = [("", _("UTC")), *((zone, zone) for zone in sorted(available_timezones()))]
        self.fields["time_zone"] = forms.ChoiceField(
            label=_("Time zone"), choices=zones, required=False, help_text=self.Meta.help_texts["time_zone"]
        )


class FirstStaffForm(forms.Form):
    """The first staff person of an empty installation."""

    email = forms.EmailField(label=_("Your e-mail address"))
    password = forms.CharField(
        label=_("Password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 12 characters."),
        min_length=12,
        strip=False,
    )

    def clean_email(self) -> str:
        return normal_address(self.cleaned_data["email"])

    def clean_password(self) -> str:
        validate_password(self.cleaned_data["password"])
        return self.cleaned_data["password"]
