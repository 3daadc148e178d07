"""Addresses of units."""

from django.urls import path

from orgunits.views import leaving, units

unit_urls = [
    path("leave/", leaving.unit_leave, name="unit_leave"),
    path("settings/", units.unit_settings, name="unit_settings"),
    path("settings/resume/", units.unit_resume, name="unit_resume"),
    path("settings/restore/", units.unit_restore, name="unit_restore"),
]
urls = [path("units/new/", units.unit_new, name="unit_new")]
