"""Addresses of units and people: one file per noun, as the views."""

from . import applications, audit, bulk, members, people, roles, units

unit_urls = [
    *units.unit_urls,
    *members.unit_urls,
    *bulk.unit_urls,
    *roles.unit_urls,
    *applications.unit_urls,
    *audit.unit_urls,
]
urls = [*units.urls, *members.urls, *people.urls]
