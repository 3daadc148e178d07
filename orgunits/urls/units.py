"""Addresses of units."""

from django.urls import path

from orgunits.views import units

unit_urls = []
urls = [path("units/new/", units.unit_new, name="unit_new")]
