"""Addresses of acts on many members."""

from django.urls import path

from orgunits.views import bulk

_RUN = "members/bulk/<str:run_id>/"

unit_urls = [
    path("members/bulk/", bulk.bulk_runs, name="bulk_runs"),
    path(_RUN, bulk.bulk_run, name="bulk_run"),
    path(f"{_RUN}progress/", bulk.bulk_progress, name="bulk_progress"),
    path(f"{_RUN}start/", bulk.bulk_start, name="bulk_start"),
    path(f"{_RUN}cancel/", bulk.bulk_cancel, name="bulk_cancel"),
    path(f"{_RUN}again/", bulk.bulk_again, name="bulk_again"),
    path(f"{_RUN}export/", bulk.bulk_export, name="bulk_export"),
]
