"""Addresses of support staff, under admin/ beside Django admin's own."""

from django.urls import path

from orgunits.views import support

urls = [
    path("look-up/", support.look_up, name="support_look_up"),
    path("units/<str:unit_id>/reason/", support.reason, name="support_reason"),
    path("units/<str:unit_id>/leave/", support.leave, name="support_leave"),
]
