"""Addresses of units and people."""

from django.urls import path

from .views import people, units

unit_urls = [path("audit/", units.audit_log, name="audit_log")]

urls = [
    path("units/new/", units.unit_new, name="unit_new"),
    path("first-run/<str:token>/", people.first_staff, name="first_staff"),
    path("preferences/", people.preferences, name="preferences"),
]
