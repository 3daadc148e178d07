"""What people enter about access reviews: what to look at, and why something is revoked."""

from django import forms
from django.utils.translation import gettext_lazy as _

from orgunits.reviews import Chosen
from orgunits.roles import ROLES


class ReviewFilterForm(forms.Form):
    """Which grants of a review to look at."""

    q = forms.CharField(label=_("Name or address"), required=False, max_length=200)
    role = forms.ChoiceField(label=_("Role"), required=False)
    mark = forms.ChoiceField(
        label=_("Decision"),
        required=False,
        choices=[
            ("", _("All")),
            ("open", _("Not decided")),
            ("keep", _("Kept")),
            ("revoke", _("Revoked")),
            ("gone", _("Ended by itself")),
        ],
    )
    unseen = forms.IntegerField(label=_("Not seen for days"), required=False, min_value=1, max_value=3650)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = [("", _("All")), *((role.code, role.name) for role in ROLES.values())]

    def chosen(self) -> Chosen:
        """What was chosen; what makes no sense does not narrow."""
        self.is_valid()
        return Chosen(**{name: value for name, value in self.cleaned_data.items() if value})
