"""Addresses of runs and of leavers; all of them are a unit's."""

from django.urls import path

from .views import leavers

_LEAVER = "people/leavers/<str:leaver_id>/"

unit_urls = [
    path("people/leavers/", leavers.leavers, name="leavers"),
    path("people/leavers/export/", leavers.leavers_export, name="leavers_export"),
    path(_LEAVER, leavers.leaver, name="leaver"),
    path(f"{_LEAVER}undo/", leavers.leaver_undo, name="leaver_undo"),
    path(f"{_LEAVER}sign-off/", leavers.leaver_sign_off, name="leaver_sign_off"),
    path(f"{_LEAVER}record/", leavers.leaver_record, name="leaver_record"),
    path("members/<str:member_id>/offboard/", leavers.leaver_new, name="leaver_new"),
]
