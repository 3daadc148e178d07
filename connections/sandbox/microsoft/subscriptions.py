"""Subscriptions to changes: https://learn.microsoft.com/graph/api/resources/subscription.

Only events of one mailbox and users can be subscribed to. Calendars.ReadBasic.All is not enough for events.
"""

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import requests
from flask import Response

from ..push_map import LOOPBACK
from . import people, properties
from .graph import Call, GraphError, body, forbidden, operation
from .notifications import expires
from .paging import directory_list, one_item
from .people import object_id

HANDSHAKE_SECONDS = 10
# The longest life by what is watched, in minutes.
EVENTS_LIFE, USERS_LIFE = timedelta(minutes=4230), timedelta(minutes=41760)
PERMISSIONS = {
    "events": {"Calendars.Read", "Calendars.ReadWrite"},
    "users": {"User.Read.All", "User.ReadWrite.All", "Directory.Read.All"},
}
CREATABLE = {
    "changeType",
    "clientState",
    "expirationDateTime",
    "latestSupportedTlsVersion",
    "lifecycleNotificationUrl",
    "notificationUrl",
    "resource",
}


def _bad(message: str, code: str = "InvalidRequest") -> GraphError:
    return GraphError(400, code, message)


def _kind(watches: str) -> str:
    return "users" if watches == "users" else "events"


def _may(call: Call, watches: str) -> None:
    if not PERMISSIONS[_kind(watches)] & call.roles or call.fault("subscription_refused"):
        raise forbidden(_kind(watches) == "events")


def _shown(subscription: dict[str, Any]) -> dict[str, Any]:
    hidden = ("tenant", "watches", "immutable_ids", "reauthorization_required")
    return {name: value for name, value in subscription.items() if name not in hidden}


def _own(call: Call, subscription_id: str) -> dict[str, Any]:
    """A subscription of the calling application in its tenant. Raises GraphError 404 or 403."""
    found = call.world.microsoft.notifications.subscriptions().get(subscription_id)
    if found is None or (found["applicationId"], found["tenant"]) != (call.app_id, call.tenant.id):
        raise GraphError(404, "ResourceNotFound", "The object was not found.")
    _may(call, found["watches"])
    return found


def _watched(call: Call, resource: Any) -> str:
    """What a resource text means: "users" or "users/<object id>/events"."""
    text = str(resource or "").strip("/")
    if text.lower() == "users":
        return "users"
    found = re.fullmatch(r"users/([^/]+)/(calendar/)?events", text, re.IGNORECASE)
    if not found:
        raise _bad(f"Unsupported resource '{resource}'.", "ExtensionError")
    account = people.account(call.world, call.tenant, found[1])
    if account is None or not getattr(account, "has_mailbox", False):
        raise GraphError(404, "ResourceNotFound", f"Resource '{found[1]}' could not be discovered.")
    if call.fault("mailbox_policy", getattr(account, "email", "")):
        raise GraphError(403, "ErrorAccessDenied", "Access to OData is disabled.")
    return f"users/{object_id(account.id)}/events"


def _end(call: Call, text: Any, watches: str) -> str:
    """A checked expirationDateTime in UTC."""
    try:
        end = datetime.fromisoformat(text)
        now = call.world.now()
        left = end - now
    except (TypeError, ValueError):
        raise _bad("expirationDateTime needs a date and time with an offset.") from None
    most = USERS_LIFE if _kind(watches) == "users" else EVENTS_LIFE
    if left <= timedelta():
        raise _bad("Subscription expiration must be in the future.", "ExtensionError")
    if left > most + timedelta(minutes=1):
        minutes = int(most.total_seconds() // 60)
        raise _bad(f"Subscription expiration can only be {minutes} minutes in the future.", "ExtensionError")
    return f"{end.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def _address(url: Any, name: str) -> str:
    """A checked address: https, or http on this machine, where a trial has no certificate."""
    parts = urlsplit(str(url or ""))
    local = parts.hostname in LOOPBACK
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        raise _bad(f"The {name} must be an https address.")
    return str(url)


def _shake_hands(call: Call, url: str) -> None:
    """The validation call: the endpoint must echo the token within ten seconds. Raises GraphError 400."""
    token = f"Validation: Testing client application reachability for subscription Request-Id: {uuid.uuid4()}"
    if call.fault("validation_wrong"):
        token = f"<script>{token}</script>"
    parts = urlsplit(call.world.push_map.really(url))
    query = "&".join(filter(None, (parts.query, urlencode({"validationToken": token}))))
    try:
        answer = requests.post(
            urlunsplit(parts._replace(query=query)),
            headers={"Content-Type": "text/plain; charset=utf-8"},
            timeout=HANDSHAKE_SECONDS,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        problem = f"Subscription validation request failed: {type(error).__name__}."
        raise _bad(problem, "ValidationError") from error
    plain = answer.headers.get("Content-Type", "").startswith("text/plain")
    if answer.status_code != 200 or not plain:
        raise _bad(
            "Subscription validation request failed. Notification endpoint must respond with 200 OK and"
            " text/plain to validation request.",
            "ValidationError",
        )
    if answer.text != token:
        raise _bad(
            "Subscription validation request failed. Response must exactly match validationToken query parameter.",
            "ValidationError",
        )


@operation("subscriptions.create")
def create_subscription(call: Call) -> tuple[dict, int]:
    """Subscribe, after the endpoint has answered the handshake while this very call is open."""
    sent = body()
    if unknown := set(sent) - CREATABLE:
        raise _bad(f"Unknown property: {', '.join(sorted(unknown))}.")
    watches = _watched(call, sent.get("resource"))
    _may(call, watches)
    changes = str(sent.get("changeType") or "").replace(" ", "").split(",")
    allowed = {"updated", "deleted"} | ({"created"} if _kind(watches) == "events" else set())
    if not set(changes) <= allowed:
        raise _bad(f"Invalid changeType '{sent.get('changeType')}' for this resource.")
    if len(str(sent.get("clientState") or "")) > 128:
        raise _bad("clientState can have at most 128 characters.")
    end = _end(call, sent.get("expirationDateTime"), watches)
    urls = [_address(sent.get("notificationUrl"), "notificationUrl")]
    if sent.get("lifecycleNotificationUrl"):
        urls.append(_address(sent["lifecycleNotificationUrl"], "lifecycleNotificationUrl"))
    for url in urls:
        _shake_hands(call, url)
    subscription = {
        "id": str(uuid.uuid4()),
        "resource": sent["resource"],
        "applicationId": call.app_id,
        "changeType": ",".join(changes),
        "clientState": sent.get("clientState"),
        "notificationUrl": urls[0],
        "notificationQueryOptions": None,
        "lifecycleNotificationUrl": sent.get("lifecycleNotificationUrl"),
        "expirationDateTime": end,
        "creatorId": call.app_id,
        "includeResourceData": None,
        "latestSupportedTlsVersion": sent.get("latestSupportedTlsVersion") or "v1_2",
        "encryptionCertificateId": None,
        "tenant": call.tenant.id,
        "watches": watches,
        "immutable_ids": call.immutable_ids,
        "reauthorization_required": False,
    }
    with call.world.lock:
        call.world.microsoft.notifications.subscriptions()[subscription["id"]] = subscription
    call.world.changed()
    return one_item("subscriptions/$entity", _shown(subscription), properties.SUBSCRIPTION), 201


@operation("subscriptions.list")
def list_subscriptions(call: Call) -> dict:
    """The subscriptions of this application in this tenant."""
    with call.world.lock:
        found = [
            _shown(one) | {"clientState": None}
            for one in call.world.microsoft.notifications.subscriptions().values()
            if (one["applicationId"], one["tenant"]) == (call.app_id, call.tenant.id)
        ]
    return directory_list(call, "subscriptions", found, lambda one: one, properties.SUBSCRIPTION)


@operation("subscriptions.get")
def get_subscription(call: Call, subscription_id: str) -> dict:
    """One subscription."""
    return one_item("subscriptions/$entity", _shown(_own(call, subscription_id)), properties.SUBSCRIPTION)


@operation("subscriptions.update")
def update_subscription(call: Call, subscription_id: str) -> dict:
    """Renew: a new expirationDateTime, and if wanted a new notificationUrl, which is validated again."""
    subscription, sent = _own(call, subscription_id), body()
    if not sent or set(sent) - {"expirationDateTime", "notificationUrl"}:
        raise _bad("Only expirationDateTime and notificationUrl can be changed.")
    changes: dict[str, Any] = {"reauthorization_required": False}
    if "expirationDateTime" in sent:
        changes["expirationDateTime"] = _end(call, sent["expirationDateTime"], subscription["watches"])
    if "notificationUrl" in sent:
        changes["notificationUrl"] = _address(sent["notificationUrl"], "notificationUrl")
        _shake_hands(call, changes["notificationUrl"])
    with call.world.lock:
        subscription.update(changes)
    call.world.changed()
    return one_item("subscriptions/$entity", _shown(subscription), properties.SUBSCRIPTION)


@operation("subscriptions.delete")
def delete_subscription(call: Call, subscription_id: str) -> Response:
    """End a subscription."""
    subscription = _own(call, subscription_id)
    with call.world.lock:
        call.world.microsoft.notifications.subscriptions().pop(subscription["id"], None)
    call.world.changed()
    return Response(status=204)


@operation("subscriptions.reauthorize")
def reauthorize_subscription(call: Call, subscription_id: str) -> Response:
    """Confirm after a lifecycle event; the end stays as it is."""
    subscription = _own(call, subscription_id)
    if expires(subscription) <= call.world.now():
        raise GraphError(404, "ResourceNotFound", "The object was not found.")
    with call.world.lock:
        subscription["reauthorization_required"] = False
    call.world.changed()
    return Response(status=200)
