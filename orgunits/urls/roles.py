"""Addresses of roles, grants and reviews."""

from django.urls import path

from orgunits.views import grants, roles

_MEMBER = "members/<str:member_id>/roles/"

unit_urls = [
    path("roles/", roles.roles, name="roles"),
    path("roles/ask/", roles.roles_ask, name="roles_ask"),
    path(_MEMBER, grants.member_roles, name="member_roles"),
    path(f"{_MEMBER}ops-admin/", grants.role_ops_admin, name="role_ops_admin"),
    path(f"{_MEMBER}revoke/", grants.role_revoke, name="role_revoke"),
    path("applications/<str:application_id>/people/", grants.application_people, name="application_people"),
]
urls = []
