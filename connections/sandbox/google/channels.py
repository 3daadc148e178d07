"""Push channels: https://developers.google.com/workspace/calendar/api/guides/push.

A channel is opened on one resource by one user. First comes a `sync` message, then one per change. Messages
have no body, only headers. They leave from background threads and may be lost or doubled by a fault.
"""

from __future__ import annotations

import logging
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import requests
from flask import g, request

from ..events import Event
from ..people import Person
from ..push_map import LOOPBACK
from ..world import World, the_world
from .errors import ApiError, bad_request

log = logging.getLogger(__name__)
CHANNEL_ID = re.compile(r"[A-Za-z0-9\-_+/=]{1,64}")
USUAL_LIFE = {"calendar": timedelta(days=7), "directory": timedelta(hours=6)}
LONGEST_LIFE = timedelta(days=30)
LONGEST_TOKEN = 256
TRIES = 4
TRIED_AGAIN = (0, 500, 502, 503, 504)  # 0: no answer; every other refusal loses the message
ANSWER_SECONDS = 10
SECTION = "google.channels"
_senders = ThreadPoolExecutor(max_workers=4, thread_name_prefix="google-push")


def open_channel(data: dict[str, Any], api: str, resource: list[str], path: str) -> dict[str, Any]:
    """Open a channel on a resource and send its `sync` message. Raises ApiError for a bad request.

    `resource` is how this file finds the channel again: ["events", owner id, calendar], ["calendarList",
    owner id] or ["users", domain, event].
    """
    world = the_world()
    channel_id, address = str(data.get("id", "")), str(data.get("address", ""))
    if not CHANNEL_ID.fullmatch(channel_id):
        raise bad_request("Invalid channel id", "channelIdInvalid", "id")
    if data.get("type") not in ("web_hook", "webhook"):
        raise bad_request("Unknown channel type", "unknownChannelType", "type")
    parts = urlsplit(address)
    # A portal on the developer's own machine has no certificate: plain HTTP is taken on the loopback only.
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise bad_request(f"WebHook callback must be HTTPS: {address}", "push.webhookUrlNotHttps", "address")
    if len(str(data.get("token", ""))) > LONGEST_TOKEN:
        raise bad_request("Invalid channel token", "invalid", "token")
    if world.faults.hit("channel_refused", *g.labels):
        message = f"Unauthorized WebHook callback channel: {address}"
        raise ApiError(401, "push.webhookUrlUnauthorized", message)
    kept = world.section(SECTION)
    if channel_id in kept and kept[channel_id]["expiration"] > _milliseconds(world.now()):
        raise bad_request(f"Channel id {channel_id} not unique", "channelIdNotUnique", "id")
    channel = {
        "id": channel_id,
        "resource": resource,
        "resourceId": sha256("|".join(resource).encode()).hexdigest()[:27],
        "resourceUri": f"{request.host_url.rstrip('/')}{path.removesuffix('/watch')}?alt=json",
        "api": api,
        "address": address,
        "token": data.get("token"),
        "expiration": _expiration(world, data, api),
        "subject": g.token.subject,
        "sent": 0,
    }
    with world.lock:
        kept[channel_id] = channel
    world.changed()
    _send(world, channel, "sync")
    answer = {
        "kind": "api#channel",
        "id": channel_id,
        "resourceId": channel["resourceId"],
        "resourceUri": channel["resourceUri"],
        "expiration": str(channel["expiration"]),
    }
    return answer | ({"token": channel["token"]} if channel["token"] else {})


def stop(data: dict[str, Any], api: str) -> None:
    """End a channel. Raises ApiError 404 unless the same user names its id and resource id."""
    world = the_world()
    channel = world.section(SECTION).get(str(data.get("id", "")))
    same = channel and channel["resourceId"] == data.get("resourceId") and channel["api"] == api
    if not same or channel["subject"] != g.token.subject:
        message = f"Channel '{data.get('id')}' not found for project 'convoke-sandbox'"
        raise ApiError(404, "channelUnknown", message)
    with world.lock:
        del world.section(SECTION)[channel["id"]]
    world.changed()


def listen(world: World) -> None:
    """Let every change of a calendar or the directory push to the channels that watch it."""

    def calendar_changed(owner_id: str, calendar: str, _event: Event) -> None:
        _push(world, ["events", owner_id, calendar], "exists")

    def directory_changed(what: str, person: Person) -> None:
        _push(world, ["users", person.domain, what], what)

    world.calendars.listeners.append(calendar_changed)
    world.directory_listeners.append(directory_changed)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _expiration(world: World, data: dict[str, Any], api: str) -> int:
    now = world.now()
    short = world.faults.hit("channel_short", *g.labels)
    if short:
        return _milliseconds(now + timedelta(seconds=float(short.get("seconds", 60))))
    try:
        if "ttl" in data.get("params", {}):
            wanted = now + timedelta(seconds=int(data["params"]["ttl"]))
        elif "expiration" in data:
            wanted = datetime.fromtimestamp(int(data["expiration"]) / 1000, UTC)
        else:
            wanted = now + USUAL_LIFE[api]
    except (TypeError, ValueError):
        raise bad_request("Invalid value for: expiration", "invalid", "expiration") from None
    longest = USUAL_LIFE[api] if api == "directory" else LONGEST_LIFE
    return _milliseconds(min(wanted, now + longest))


def open_now(world: World) -> list[dict[str, Any]]:
    """The channels that have not ended, the oldest first."""
    with world.lock:
        now = _milliseconds(world.now())
        return [one for one in world.section(SECTION).values() if one["expiration"] > now]


def _push(world: World, resource: list[str], state: str) -> None:
    if not world.section(SECTION):
        return
    for channel in open_now(world):
        if channel["resource"] == resource:
            _send(world, channel, state)


def message_headers(world: World, channel: dict[str, Any], state: str) -> dict[str, str]:
    """All that a message consists of; it gets the channel's next number."""
    with world.lock:
        channel["sent"] += 1
        number = channel["sent"]
    headers = {
        "X-Goog-Channel-ID": channel["id"],
        "X-Goog-Channel-Expiration": format_datetime(
            datetime.fromtimestamp(channel["expiration"] / 1000, UTC), usegmt=True
        ),
        "X-Goog-Resource-ID": channel["resourceId"],
        "X-Goog-Resource-URI": channel["resourceUri"],
        "X-Goog-Resource-State": state,
        "X-Goog-Message-Number": str(number),
    }
    if channel["token"]:
        headers["X-Goog-Channel-Token"] = channel["token"]
    return headers


def _send(world: World, channel: dict[str, Any], state: str) -> None:
    headers = message_headers(world, channel, state)
    labels = ("google", channel["id"], channel["subject"], channel["address"])
    copies = 2 if world.faults.hit("push_duplicate", *labels) else 1
    if world.faults.hit("push_lost", *labels):
        copies = 0
    late = world.faults.hit("push_delay", *labels)
    delay = float(late.get("seconds", 5)) if late else 0
    for _ in range(copies):
        world.timers.later(
            delay, lambda: _senders.submit(_deliver, world, channel["address"], headers, 1) and None
        )


def _deliver(world: World, address: str, headers: dict[str, str], tried: int) -> None:
    """One POST; a failing receiver is tried again after 1, 2 and 4 seconds."""
    try:
        target = world.push_map.really(address)
        status = requests.post(target, data=b"", headers=headers, timeout=ANSWER_SECONDS).status_code
    except requests.RequestException as problem:
        log.info("push to %s failed: %s", address, type(problem).__name__)
        status = 0
    world.note_push("google", address, headers["X-Goog-Resource-State"], headers["X-Goog-Channel-ID"], status)
    if status in TRIED_AGAIN and tried < TRIES:
        again = 2 ** (tried - 1)
        world.timers.later(
            again, lambda: _senders.submit(_deliver, world, address, headers, tried + 1) and None
        )
