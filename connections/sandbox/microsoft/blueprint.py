"""The one blueprint of Microsoft's side. The view modules add their routes to it when they are imported."""

from flask import Blueprint

blueprint = Blueprint("microsoft", __name__, template_folder="templates")
