"""Meet v2 spaces: https://developers.google.com/workspace/meet/api/reference/rest/v2/spaces.

A space has no time and cannot be deleted. `name` is its lasting key; the meeting code is only for people.
"""

from __future__ import annotations

import secrets
from typing import Any

from flask import g, request

from ..world import the_world
from .conferences import meeting_code
from .errors import ApiError, bad_request, not_found
from .operations import body, operation
from .routes import MEET, blueprint

SECTION = "google.spaces"
CHOICES = {
    "accessType": ("OPEN", "TRUSTED", "RESTRICTED"),
    "entryPointAccess": ("ALL", "CREATOR_APP_ONLY"),
    "attendanceReportGenerationType": ("GENERATE_REPORT", "DO_NOT_GENERATE"),
    "moderation": ("ON", "OFF"),
}
DEFAULTS = {"accessType": "TRUSTED", "entryPointAccess": "ALL"}


def _config(data: dict[str, Any]) -> dict[str, Any]:
    unknown = set(data) - {"config", "name", "activeConference"}
    config = data.get("config", {})
    if unknown or not isinstance(config, dict):
        raise bad_request(f'Invalid JSON payload received. Unknown name "{next(iter(unknown), "config")}".')
    for name, value in config.items():
        if name == "moderationRestrictions":
            continue
        if value not in CHOICES.get(name, ()):
            raise bad_request(f"Invalid value at 'space.config.{name}': {value}", "invalid", name)
    return config


def _owner() -> str:
    if g.token.person_id is None:
        raise ApiError(403, "forbidden", "The caller does not have permission")
    return g.token.person_id


def _find(key: str) -> dict[str, Any]:
    spaces = the_world().section(SECTION)
    space = spaces.get(f"spaces/{key}")
    space = space or next((one for one in spaces.values() if one["meetingCode"] == key), None)
    if space is None:
        raise not_found("Requested entity was not found.")
    return space


def _shown(space: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in space.items() if name != "owner"}


@blueprint.post(f"{MEET}/spaces")
@operation("meet.spaces.create")
def create_space() -> dict[str, Any]:
    world, code = the_world(), meeting_code()
    space = {
        "name": f"spaces/{secrets.token_urlsafe(9)}",
        "meetingUri": f"https://meet.google.com/{code}",
        "meetingCode": code,
        "config": {**DEFAULTS, **_config(body())},
        "owner": _owner(),
    }
    world.section(SECTION)[space["name"]] = space
    world.changed()
    return _shown(space)


@blueprint.get(f"{MEET}/spaces/<space>")
@operation("meet.spaces.get")
def get_space(space: str) -> dict[str, Any]:
    _owner()
    return _shown(_find(space))


@blueprint.patch(f"{MEET}/spaces/<space>")
@operation("meet.spaces.patch")
def patch_space(space: str) -> dict[str, Any]:
    found = _find(space)
    if found["owner"] != _owner():
        raise ApiError(403, "forbidden", "The caller does not have permission")
    config = _config(body())
    mask = request.args.get("updateMask", "*")
    names = {one.removeprefix("config.") for one in mask.split(",")}
    found["config"] |= {k: v for k, v in config.items() if names & {k, "*", "config"}}
    the_world().changed()
    return _shown(found)


@blueprint.post(f"{MEET}/spaces/<space>:endActiveConference")
@operation("meet.spaces.endActiveConference")
def end_conference(space: str) -> dict[str, Any]:
    if _find(space)["owner"] != _owner():
        raise ApiError(403, "forbidden", "The caller does not have permission")
    return {}
