"""Addresses of members, from invitation to removal."""

from django.urls import path

from orgunits.views import joining

unit_urls = []
urls = [path("invitations/<str:token>/", joining.invitation, name="invitation")]
