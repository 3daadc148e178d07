"""Many push messages at once, as fast as this machine sends them: what a portal has to bear when much changes."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import urllib3

from ..world import World
from .channels import message_headers

ANSWER_SECONDS = 10


def send(world: World, channels: list[dict[str, Any]], each: int, workers: int) -> dict[str, Any]:
    """Send in rounds, one message for each channel; nothing is tried again. Ends when all were answered.

    `statuses` counts answers by status ("0": no answer within ten seconds); `slowest_ms` is the longest wait.
    """
    http = urllib3.PoolManager(num_pools=workers, maxsize=workers, retries=False, timeout=ANSWER_SECONDS)
    statuses: Counter[str] = Counter()
    slowest = 0.0

    def one(channel: dict[str, Any]) -> tuple[int, float]:
        began = time.monotonic()
        try:
            target = world.push_map.really(channel["address"])
            status = http.request(
                "POST", target, body=b"", headers=message_headers(world, channel, "exists")
            ).status
        except urllib3.exceptions.HTTPError:
            status = 0
        world.note_push("google", channel["address"], "exists", channel["id"], status)
        return status, time.monotonic() - began

    began = time.monotonic()
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="google-storm") as pool:
        for status, seconds in pool.map(one, (channel for _ in range(each) for channel in channels)):
            statuses[str(status)] += 1
            slowest = max(slowest, seconds)
    return {
        "channels": len(channels),
        "sent": each * len(channels),
        "statuses": dict(statuses),
        "seconds": round(time.monotonic() - began, 3),
        "slowest_ms": round(slowest * 1000),
    }
