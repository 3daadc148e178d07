"""Addresses of applications."""

from django.urls import path

from orgunits.views import applications as views

unit_urls = [
    path("applications/", views.applications, name="applications"),
    path("applications/new/", views.application_new, name="application_new"),
    path("applications/<str:application_id>/", views.application, name="application"),
    path("applications/<str:application_id>/edit/", views.application_edit, name="application_edit"),
    path("applications/<str:application_id>/logo/", views.application_logo, name="application_logo"),
    path(
        "applications/<str:application_id>/logo/change/",
        views.application_logo_change,
        name="application_logo_change",
    ),
    path(
        "applications/<str:application_id>/logo/remove/",
        views.application_logo_remove,
        name="application_logo_remove",
    ),
    path("applications/<str:application_id>/secrets/", views.application_secrets, name="application_secrets"),
    path("applications/<str:application_id>/archive/", views.application_archive, name="application_archive"),
    path("applications/<str:application_id>/restore/", views.application_restore, name="application_restore"),
    path("applications/<str:application_id>/states/", views.application_states, name="application_states"),
]
