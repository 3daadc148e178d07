"""What people enter about units and people: one file per noun, as the views."""

from .people import FirstStaffForm, PreferencesForm
from .units import UnitForm, UnitNameForm, UnitSettingsForm, WhyForm

__all__ = ["FirstStaffForm", "PreferencesForm", "UnitForm", "UnitNameForm", "UnitSettingsForm", "WhyForm"]
