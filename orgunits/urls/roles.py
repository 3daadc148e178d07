"""Addresses of roles, grants and reviews."""

from django.urls import path

from orgunits.views import roles

unit_urls = [
    path("roles/", roles.roles, name="roles"),
]
urls = []
