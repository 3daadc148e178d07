"""What people enter to invite others, and to join."""

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _

from orgunits.csv_files import Unreadable
from orgunits.invitation_sheets import LARGEST_BYTES, decode, read
from orgunits.models import Invitation, User
from orgunits.roles import Role


class InviteForm(forms.Form):
    """Addresses pasted, or a file of them, and the role of those that name none."""

    addresses = forms.CharField(
        label=_("E-mail addresses"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        help_text=_(
            "One a line, or separated by commas or semicolons; “Name <address>” works too. Or paste a table with a "
            "header line."
        ),
    )
    file = forms.FileField(
        label=_("Or a CSV file"),
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,text/csv,text/plain"}),
        help_text=_(
            "UTF-8, at most 1 MB and 5,000 lines. Columns: email, name (or first name, last name), role, department, "
            "time zone."
        ),
    )
    role = forms.ChoiceField(label=_("Role"), help_text=_("For every line that names no role of its own."))

    def __init__(self, *args, roles: list[Role], **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = [(role.code, role.name) for role in roles]

    def clean(self) -> dict:
        values = super().clean()
        if self.errors:
            return values
        pasted, file = values.get("addresses", ""), values.get("file")
        if bool(pasted.strip()) == bool(file):
            raise forms.ValidationError(_("Paste addresses or choose a file: one of the two."))
        name = "file" if file else "addresses"
        try:
            values["text"] = decode(file.read(LARGEST_BYTES + 1)) if file else pasted
            read(values["text"])
        except Unreadable as problem:
            self.add_error(name, str(problem))
        return values


class InvitationFilterForm(forms.Form):
    """What the list of invitations is narrowed to."""

    q = forms.CharField(label=_("Name or address"), required=False, max_length=200)
    state = forms.ChoiceField(
        label=_("State"), required=False, choices=[("", _("All")), *Invitation.State.choices]
    )


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
