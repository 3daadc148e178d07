"""The one blueprint all files of Google's side hang their routes on."""

from flask import Blueprint

blueprint = Blueprint("google", __name__)

CALENDAR = "/www.googleapis.com/calendar/v3"
DIRECTORY = "/admin.googleapis.com/admin/directory/v1"
MEET = "/meet.googleapis.com/v2"
