"""Addresses of roles, grants and reviews."""

from django.urls import path

from orgunits.views import grants, reviews, roles

_REVIEW = "roles/review/<str:review_id>/"
_MEMBER = "members/<str:member_id>/roles/"

unit_urls = [
    path("roles/", roles.roles, name="roles"),
    path("roles/ask/", roles.roles_ask, name="roles_ask"),
    path("roles/review/", reviews.reviews_list, name="reviews"),
    path(_REVIEW, reviews.review, name="review"),
    path(f"{_REVIEW}keep/", reviews.review_keep, name="review_keep"),
    path(f"{_REVIEW}sign-off/", reviews.review_sign_off, name="review_sign_off"),
    path(f"{_REVIEW}export/", reviews.review_export, name="review_export"),
    path(_MEMBER, grants.member_roles, name="member_roles"),
    path(f"{_MEMBER}ops-admin/", grants.role_ops_admin, name="role_ops_admin"),
    path(f"{_MEMBER}revoke/", grants.role_revoke, name="role_revoke"),
    path("applications/<str:application_id>/people/", grants.application_people, name="application_people"),
]
urls = []
