"""What people enter to invite others, and to join."""

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _

from orgunits.models import Invitation, User


class JoinForm(forms.Form):
    """The sign-in of somebody who has none yet. Their address stands in the invitation."""

    given_name = forms.CharField(
        label=_("First name"), max_length=100, widget=forms.TextInput(attrs={"autocomplete": "given-name"})
    )
    family_name = forms.CharField(
        label=_("Last name"),
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "family-name"}),
    )
    password = forms.CharField(
        label=_("Password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 12 characters."),
        min_length=12,
        max_length=1000,
        strip=False,
    )

    def __init__(self, *args, invitation: Invitation, **kwargs):
        super().__init__(*args, **kwargs)
        self.invitation = invitation
        self.fields["given_name"].initial = invitation.member.given_name
        self.fields["family_name"].initial = invitation.member.family_name

    def clean(self) -> dict:
        values = super().clean()
        if password := values.get("password"):
            user = User(
                email=self.invitation.email,
                first_name=values.get("given_name", ""),
                last_name=values.get("family_name", ""),
            )
            try:
                validate_password(password, user)
            except forms.ValidationError as error:
                self.add_error("password", error)
        return values
