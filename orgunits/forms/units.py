"""What people enter about units."""

from django import forms
from django.utils.translation import gettext_lazy as _


class UnitForm(forms.Form):
    """A new unit."""

    name = forms.CharField(
        label=_("Name"), max_length=200, help_text=_("The company or business unit, as people call it.")
    )
