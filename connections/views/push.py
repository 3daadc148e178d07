"""Where providers tell about changes. Open to everybody: a message is believed by the secret it brings along.

Answered at once, whatever it means: reading happens later, in a job.
"""

import json
import re
from collections.abc import Callable, Iterator

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from connections import push_messages
from orgunits.access import open_to

MOST_BYTES = 1024 * 1024  # some hundred messages in one request
MOST_DIGITS = 10  # of a length
LONGEST_TOKEN = 2000
CHANNEL_ID = re.compile(r"[A-Za-z0-9\-_+/=]{1,64}\Z")
SECRET = re.compile(r"[\x21-\x7e]{1,256}\Z")
ACCEPTED, NOT_FOUND, TOO_LARGE, UNREADABLE = 202, 404, 413, 400


def _for_providers(view: Callable) -> Callable:
    """Programs come here: no session, no CSRF token, no sign-in."""
    return open_to("everyone")(csrf_exempt(require_POST(view)))


@_for_providers
def google(request: HttpRequest) -> HttpResponse:
    """https://developers.google.com/workspace/calendar/api/guides/push : headers say it all, the body is empty.

    The first message, `sync`, only says that the channel is open.
    """
    if _is_too_large(request):
        return HttpResponse(status=TOO_LARGE)
    channel_id = request.headers.get("X-Goog-Channel-ID", "")
    secret = request.headers.get("X-Goog-Channel-Token", "")
    if not (CHANNEL_ID.match(channel_id) and SECRET.match(secret)):
        return HttpResponse(status=NOT_FOUND)
    if request.headers.get("X-Goog-Resource-State") == "sync":
        known = push_messages.is_known("google", channel_id, secret)
    else:
        known = push_messages.changed("google", [(channel_id, secret)], now=timezone.now())
    return HttpResponse(status=ACCEPTED if known else NOT_FOUND)


@_for_providers
def microsoft(request: HttpRequest) -> HttpResponse:
    """https://learn.microsoft.com/graph/change-notifications-delivery-webhooks : many messages in one request."""
    return _answer(request, lambda told: push_messages.changed(
        "microsoft", [(channel, secret) for channel, secret, _event in told], now=timezone.now()
    ))  # fmt: skip


@_for_providers
def microsoft_lifecycle(request: HttpRequest) -> HttpResponse:
    """https://learn.microsoft.com/graph/change-notifications-lifecycle-events"""
    return _answer(request, lambda told: push_messages.lifecycle("microsoft", told, now=timezone.now()))


def _answer(request: HttpRequest, act: Callable[[list[tuple[str, str, str]]], object]) -> HttpResponse:
    """202 for whatever can be read, believed or not: who guesses learns nothing."""
    if "validationToken" in request.GET:
        return _handshake(request.GET["validationToken"])
    if _is_too_large(request):
        return HttpResponse(status=TOO_LARGE)
    try:
        items = json.loads(request.body)["value"]
        told = list(_told(items))
    except (ValueError, LookupError, TypeError, RecursionError):
        return HttpResponse(status=UNREADABLE)
    act(told)
    return HttpResponse(status=ACCEPTED)


def _told(items: list) -> Iterator[tuple[str, str, str]]:
    """Subscription id, clientState and lifecycle event of each message that has them; nothing else is looked at."""
    for item in items:
        channel_id, secret = item["subscriptionId"], item.get("clientState")
        texts = isinstance(channel_id, str) and isinstance(secret, str)
        if texts and CHANNEL_ID.match(channel_id) and SECRET.match(secret):
            yield channel_id, secret, str(item.get("lifecycleEvent", ""))


def _handshake(token: str) -> HttpResponse:
    """The token comes back as plain text, and never as anything that a browser could take for a page."""
    if len(token) > LONGEST_TOKEN or "<" in token or ">" in token or not token.isprintable():
        return HttpResponse(status=UNREADABLE)
    headers = {"X-Content-Type-Options": "nosniff"}
    return HttpResponse(token, content_type="text/plain; charset=utf-8", headers=headers)


def _is_too_large(request: HttpRequest) -> bool:
    """Before anything of it is read."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    return not length.isdecimal() or len(length) > MOST_DIGITS or int(length) > MOST_BYTES
