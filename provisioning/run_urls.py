"""Addresses of runs and of leavers; all of them are a unit's."""

from django.urls import path

from .views import leavers, runs

_RUN = "people/runs/<str:prn_id>/"
_LEAVER = "people/leavers/<str:leaver_id>/"

unit_urls = [
    path("people/runs/", runs.runs, name="runs"),
    path(_RUN, runs.run, name="run"),
    path(f"{_RUN}progress/", runs.run_progress, name="run_progress"),
    path(f"{_RUN}export/", runs.run_export, name="run_export"),
    path(f"{_RUN}cancel/", runs.run_cancel, name="run_cancel"),
    path(f"{_RUN}again/", runs.run_again, name="run_again"),
    path(f"{_RUN}approve/", runs.run_approve, name="run_approve"),
    path(f"{_RUN}keep/", runs.run_keep, name="run_keep"),
    path("people/leavers/", leavers.leavers, name="leavers"),
    path("people/leavers/export/", leavers.leavers_export, name="leavers_export"),
    path(_LEAVER, leavers.leaver, name="leaver"),
    path(f"{_LEAVER}undo/", leavers.leaver_undo, name="leaver_undo"),
    path(f"{_LEAVER}sign-off/", leavers.leaver_sign_off, name="leaver_sign_off"),
    path(f"{_LEAVER}record/", leavers.leaver_record, name="leaver_record"),
    path("members/<str:member_id>/offboard/", leavers.leaver_new, name="leaver_new"),
]
