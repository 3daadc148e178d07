"""Change notifications and lifecycle events, sent in the background as Graph does.

Several notifications for one address travel in one POST. A server error or no answer in time is tried again (Graph
goes on for hours, the sandbox for half a minute); any other refusal loses the message. https://learn.microsoft.com/graph/change-notifications-overview
"""

import logging
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import requests

from ..events import Event
from ..mailboxes import LONG_AGO, PRIMARY
from ..people import Person
from ..world import World
from .event_shapes import etag, graph_id
from .people import object_id

log = logging.getLogger(__name__)

GATHER_SECONDS = 0.1
ANSWER_SECONDS = 3
RETRY_SECONDS = (1, 2, 4, 8, 16)
FRESH = timedelta(seconds=5)


class Notifications:
    """Hears of every change in the world and tells subscribers. `/control/pushes` shows what was sent."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="graph-notifications")
        self._lock = threading.Lock()
        self._waiting: dict[str, list[dict[str, Any]]] = {}
        self._seen: set[tuple[str, str]] = set()
        world.calendars.listeners.append(self._event_changed)
        world.directory_listeners.append(self._person_changed)

    def subscriptions(self) -> dict[str, dict[str, Any]]:
        """Subscriptions by id, as kept in state.json; expired ones are dropped."""
        with self._world.lock:
            kept = self._world.section("microsoft.subscriptions")
            now = self._world.now()
            for key in [key for key, one in kept.items() if expires(one) <= now]:
                del kept[key]
            return kept

    def lifecycle(self, subscription: dict[str, Any], event: str) -> None:
        """Send a lifecycle event: missed, subscriptionRemoved (which also ends it) or reauthorizationRequired.

        The last stays known of the subscription until the portal reauthorizes or renews it.
        """
        if event == "reauthorizationRequired":
            with self._world.lock:
                subscription["reauthorization_required"] = True
            self._world.changed()
        if event == "subscriptionRemoved":
            with self._world.lock:
                self.subscriptions().pop(subscription["id"], None)
            self._world.changed()
        if subscription.get("lifecycleNotificationUrl"):
            message = self._about(subscription) | {
                "lifecycleEvent": event,
                "resource": subscription["resource"],
            }
            self._later(subscription["lifecycleNotificationUrl"], message)

    def _event_changed(self, owner_id: str, calendar: str, event: Event) -> None:
        change = self._kind_of_change(owner_id, event)
        if calendar != PRIMARY:
            return
        for subscription in self._interested(f"users/{object_id(owner_id)}/events", change):
            shown = graph_id(owner_id, event.id, subscription["immutable_ids"])
            path = f"Users/{object_id(owner_id)}/Events/{shown}"
            data = {"@odata.type": "#Microsoft.Graph.Event", "@odata.id": path, "id": shown}
            self._notify(subscription, change, path, data | {"@odata.etag": etag(event)})

    def _kind_of_change(self, owner_id: str, event: Event) -> str:
        with self._lock:
            known = (owner_id, event.id) in self._seen
            self._seen.add((owner_id, event.id))
        if event.deleted:
            return "deleted"
        fresh = event.created and event.created > LONG_AGO and event.updated - event.created < FRESH
        return "created" if fresh and not known else "updated"

    def _person_changed(self, what: str, person: Person) -> None:
        change = "deleted" if what == "delete" else "updated"
        for subscription in self._interested("users", change):
            if person.tenant and subscription["tenant"] == person.tenant.id:
                path = f"Users/{object_id(person.id)}"
                data = {"@odata.type": "#Microsoft.Graph.User", "@odata.id": path, "id": object_id(person.id)}
                self._notify(subscription, change, path, data)

    def _interested(self, resource: str, change: str) -> list[dict[str, Any]]:
        with self._world.lock:
            return [
                one
                for one in list(self.subscriptions().values())
                if one["watches"] == resource
                and change in one["changeType"].split(",")
                and f"{one['tenant']}|{one['applicationId']}" in self._world.consents
            ]

    def _notify(self, subscription: dict[str, Any], change: str, resource: str, data: dict[str, Any]) -> None:
        message = self._about(subscription) | {
            "changeType": change,
            "resource": resource,
            "resourceData": data,
        }
        self._later(subscription["notificationUrl"], message)

    def _about(self, subscription: dict[str, Any]) -> dict[str, Any]:
        wrong = self._world.faults.hit("client_state_wrong", subscription["id"])
        return {
            "id": str(uuid.uuid4()),
            "subscriptionId": subscription["id"],
            "subscriptionExpirationDateTime": subscription["expirationDateTime"],
            "clientState": "not-the-client-state" if wrong else subscription["clientState"],
            "tenantId": subscription["tenant"],
        }

    def _later(self, url: str, message: dict[str, Any]) -> None:
        """Put a message with those that wait for the same address."""
        faults = self._world.faults
        if faults.hit("push_lost", message["subscriptionId"], "microsoft"):
            return
        delay = faults.hit("push_delay", message["subscriptionId"], "microsoft")
        with self._lock:
            waiting = self._waiting.setdefault(url, [])
            waiting.append(message)
            if len(waiting) > 1:
                return
        wait = GATHER_SECONDS + (delay.get("seconds", 5) if delay else 0)
        self._world.timers.later(wait, lambda: self._pool.submit(self._flush, url))

    def _flush(self, url: str) -> None:
        with self._lock:
            messages = self._waiting.pop(url, [])
        if messages:
            self._send(url, messages, 0)
            if self._world.faults.hit("push_duplicate", "microsoft"):
                self._send(url, messages, 0)

    def _send(self, url: str, messages: list[dict[str, Any]], tries: int) -> None:
        try:
            target = self._world.push_map.really(url)
            status = requests.post(target, json={"value": messages}, timeout=ANSWER_SECONDS).status_code
        except requests.RequestException as error:
            log.info("notification to %s failed: %s", url, type(error).__name__)
            status = 0
        for one in messages:
            what = one.get("changeType") or one["lifecycleEvent"]
            self._world.note_push("microsoft", url, what, one["subscriptionId"], status)
        if (status == 0 or status >= 500) and tries < len(RETRY_SECONDS):
            again = RETRY_SECONDS[tries]
            self._world.timers.later(again, lambda: self._pool.submit(self._send, url, messages, tries + 1))


def expires(subscription: dict[str, Any]) -> datetime:
    """When a subscription ends, judged by the calendar clock."""
    return datetime.fromisoformat(subscription["expirationDateTime"])
