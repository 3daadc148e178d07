"""Each request has an id: in the answer, in the log lines and in the audit rows that it causes."""

import re
import secrets

from django.http import HttpRequest
from django.urls import reverse

from orgunits import audit
from orgunits.models import AuditEvent

GIVEN = re.compile(r"[A-Za-z0-9._-]{8,64}\Z")  # what a proxy in front may have given it


class RequestIdMiddleware:
    """Names the request, and says to the audit log where its acts come from."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest):
        given = request.headers.get("X-Request-ID", "")
        request.id = given if GIVEN.match(given) else secrets.token_hex(8)
        support = request.path.startswith(reverse("admin:index"))
        origin = AuditEvent.Origin.SUPPORT if support else AuditEvent.Origin.PAGE
        with audit.coming_from(origin, request.id):
            response = self.get_response(request)
        response["X-Request-ID"] = request.id
        return response
