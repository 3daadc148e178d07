"""What staff change about a sign-in in Django admin."""

from django.contrib.auth.forms import UserChangeForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from orgunits.roles import units_that_need


class SignInForm(UserChangeForm):
    """A unit keeps an Ops Admin who can sign in: this door is closed too."""

    def clean_is_active(self) -> bool:
        active = self.cleaned_data["is_active"]
        if not active and self.instance.pk:
            units = units_that_need(self.instance)
            if units:
                raise ValidationError(
                    _("The only Ops Admin of %(units)s. Somebody else there has to become one first."),
                    params={"units": ", ".join(unit.name for unit in units)},
                )
        return active
