"""What people agreed to in the browser, and the refresh tokens that came of it; kept in state.json.

https://developers.google.com/identity/protocols/oauth2/web-server#offline and #expiration. A grant belongs to one
person and one client, however many tokens were given for it: withdrawing any of them ends them all.
"""

from __future__ import annotations

import secrets
from typing import Any

from ..people import Person
from ..world import World

MOST_REFRESH_TOKENS = 100  # of one person and client; one more, and the oldest dies without a word


def gives_refresh_token(
    world: World, client_id: str, person: Person, scopes: frozenset[str], *, offline: bool, prompt: str
) -> bool:
    """Only to who asked for offline access and just saw the consent page: the first time, for more, or if told."""
    grant = world.section("google.grants").get(_key(client_id, person.id))
    news = grant is None or not grant["offline"] or not scopes <= set(grant["scopes"])
    return offline and (news or "consent" in prompt.split())


def agree(world: World, client_id: str, person: Person, scopes: frozenset[str], *, offline: bool) -> None:
    """Remember what a person granted, beside what they granted before."""
    with world.lock:
        grants = world.section("google.grants")
        before = grants.get(_key(client_id, person.id), {"scopes": [], "offline": False})
        grants[_key(client_id, person.id)] = {
            "scopes": sorted(scopes | set(before["scopes"])),
            "offline": offline or before["offline"],
        }
    world.changed()


def give_refresh_token(
    world: World, client_id: str, person: Person, scopes: frozenset[str], *, replaces: str | None = None
) -> str:
    """A new refresh token; with `replaces`, the older one dies when the new one is used."""
    text = f"1//{secrets.token_urlsafe(40)}"
    limit = world.faults.hit("refresh_tokens_limited", person.email, client_id)
    most = int(limit.get("most", 1)) if limit else MOST_REFRESH_TOKENS
    with world.lock:
        kept = world.section("google.refresh_tokens")
        kept[text] = {"client_id": client_id, "person_id": person.id, "scopes": sorted(scopes)}
        if replaces:
            kept[text]["replaces"] = replaces
        same = [key for key, one in kept.items() if _of(one, client_id, person.id)]
        for key in same[:-most]:
            del kept[key]
    world.changed()
    return text


def find_refresh_token(world: World, text: str) -> dict[str, Any] | None:
    return world.section("google.refresh_tokens").get(text)


def used(world: World, text: str) -> None:
    """A refresh token was used: the one it replaced is over."""
    with world.lock:
        kept = world.section("google.refresh_tokens")
        kept.pop(kept.get(text, {}).pop("replaces", None), None)
    world.changed()


def withdraw(world: World, client_id: str, person_id: str) -> bool:
    """Forget all that a person granted to a client. False when they had granted nothing."""
    with world.lock:
        grant = world.section("google.grants").pop(_key(client_id, person_id), None)
        kept = world.section("google.refresh_tokens")
        for key in [key for key, one in kept.items() if _of(one, client_id, person_id)]:
            del kept[key]
    world.changed()
    return grant is not None


def shown(world: World) -> list[dict[str, Any]]:
    """Every grant, with the number of refresh tokens that live of it."""
    with world.lock:
        tokens = list(world.section("google.refresh_tokens").values())
        return [
            {"address": world.people[person_id].email, "client_id": client_id, **grant}
            | {"refresh_tokens": sum(_of(one, client_id, person_id) for one in tokens)}
            for key, grant in world.section("google.grants").items()
            for person_id, _, client_id in [key.partition("|")]
        ]


def _key(client_id: str, person_id: str) -> str:
    return f"{person_id}|{client_id}"


def _of(token: dict[str, Any], client_id: str, person_id: str) -> bool:
    return (token["client_id"], token["person_id"]) == (client_id, person_id)
