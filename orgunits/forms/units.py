"""What people enter about units."""

from zoneinfo import available_timezones

from django import forms
from django.utils.translation import gettext_lazy as _

from orgunits.models import OrganizationalUnit

Shape = OrganizationalUnit.Shape


class UnitForm(forms.Form):
    """A new unit."""

    name = forms.CharField(
        label=_("What is it called?"),
        max_length=200,
        help_text=_("The company, business unit or project, as people call it. You can rename it later."),
    )
    shape = forms.ChoiceField(
        label=_("What is it mostly for?"),
        choices=[(Shape.CUSTOMER, _("Customer")), (Shape.INTEGRATOR, _("Integrator"))],
        widget=forms.RadioSelect,
        initial=Shape.CUSTOMER,
        help_text=_(
            "A starting point, not a wall: it decides what the home page and the menu show first. Either kind "
            "can connect calendars and own applications."
        ),
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["shape"].descriptions = {
            "customer": _("A company or business unit: its people, their calendars, who may book whom."),
            "integrator": _("Manages applications that other units connect to: IT, operations, developers."),
        }


class UnitSettingsForm(forms.Form):
    """What a unit is called, and the zone it starts people in."""

    name = forms.CharField(
        label=_("Name"), max_length=200, help_text=_("The address of its pages stays as it is.")
    )
    default_time_zone = forms.ChoiceField(
        label=_("Default time zone"),
        help_text=_("What somebody gets of whom no zone is known. Nobody’s own zone changes by it."),
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["default_time_zone"].choices = [(zone, zone) for zone in sorted(available_timezones())]


class WhyForm(forms.Form):
    """Why somebody does what they are about to do."""

    why = forms.CharField(
        label=_("Why"), max_length=500, required=False, help_text=_("Stands in the unit’s audit log.")
    )


class TypedNameForm(forms.Form):
    """The unit's name, typed before something that many people notice."""

    typed_name = forms.CharField(max_length=200)

    def __init__(self, *args, name: str, **kwargs):
        super().__init__(*args, **kwargs)
        self.name = name
        field = self.fields["typed_name"]
        field.label = _("To go on, type the unit’s name: %(name)s") % {"name": name}
        field.widget.attrs["autocomplete"] = "off"

    def clean_typed_name(self) -> str:
        typed = self.cleaned_data["typed_name"]
        if " ".join(typed.split()) != " ".join(self.name.split()):
            raise forms.ValidationError(_("This is not the unit’s name."), code="another_name")
        return typed


class UnitNameForm(TypedNameForm, WhyForm):
    """The unit's name, typed before the unit is archived."""

    field_order = ["typed_name", "why"]
