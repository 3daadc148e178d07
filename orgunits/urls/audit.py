"""Addresses of the audit log."""

from django.urls import path

from orgunits.views import audit

unit_urls = [
    path("audit/", audit.audit_log, name="audit_log"),
    path("audit/export/", audit.audit_export, name="audit_export"),
]
