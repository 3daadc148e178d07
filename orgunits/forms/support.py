"""What support staff enter before they look."""

from django import forms
from django.utils.translation import gettext_lazy as _


class ReasonForm(forms.Form):
    """Why support looks, or acts. The unit's Ops Admins read it."""

    why = forms.CharField(
        label=_("Reason"),
        min_length=5,
        widget=forms.TextInput(attrs={"class": "vTextField"}),  # the admin's own class for a wide field
        max_length=300,
        help_text=_(
            "The unit’s Ops Admins read it in their audit log: a ticket’s number, or what was asked of you."
        ),
    )


class LookUpForm(ReasonForm):
    """Whose memberships to look up."""

    address = forms.EmailField(
        label=_("E-mail address"),
        help_text=_("The whole address of the member."),
        widget=forms.EmailInput(attrs={"class": "vTextField"}),
    )
    field_order = ["address", "why"]
