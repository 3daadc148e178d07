"""Addresses of sign-ins."""

from django.urls import path

from orgunits.views import people

urls = [
    path("first-run/<str:token>/", people.first_staff, name="first_staff"),
    path("preferences/", people.preferences, name="preferences"),
]
