"""Every call for a directory stays within what its connection was granted, as the contracts say."""

import pytest

from tests.contracts import Contracts
from tests.guards.test_calls_stay_in_scope import (
    CONTRACT,
    DEFAULT_SCOPE,
    DOORS,
    enough_for,
    lines_of,
    operation_of,
)
from tests.providers.directories import (
    GOOGLE_ALL,
    GOOGLE_SCOPES,
    MICROSOFT_ALL,
    MICROSOFT_SCOPES,
    open_google,
    open_microsoft,
)

OPEN = {"google": open_google, "microsoft": open_microsoft}
ORDINARY = {"google": GOOGLE_SCOPES, "microsoft": MICROSOFT_SCOPES}
OPTED_IN = {"google": GOOGLE_ALL, "microsoft": MICROSOFT_ALL}
LIFE = {
    "google": {"google.token", "oauth2.tokeninfo", "directory.users.list", "directory.domains.list"},
    "microsoft": {"microsoft.token", "users.list", "users.delta", "organization.list", "places.rooms"},
}
BEYOND = {
    "google": {"directory.groups.list", "directory.members.list", "directory.resources.calendars.list"},
    "microsoft": {"groups.list", "groups.members"},
}


def contract_of(provider: str) -> dict:
    """What the contract says of a provider's directory."""
    (one,) = [
        one for one in CONTRACT["modes"] if (one["provider"], one["service"]) == (provider, "directory")
    ]
    return one


def lead_a_life(service) -> None:
    """Whatever is asked of a directory without groups."""
    service.probe_scopes()
    service.probe_directory()
    service.domains()
    *_, last = service.people()
    if last.cursor:  # the provider tells later what changed
        list(service.changes(last.cursor))
        list(service.rooms())


def uncovered(line: dict, granted: set[str]) -> str:
    """Why the scopes of this line are not what the call needs or more than was granted; empty when they are."""
    operation, scopes = Contracts.load().operation(line["method"], line["url"]), set(line["scopes"])
    beyond = scopes - granted - ({DEFAULT_SCOPE} if operation.id in DOORS else set())
    if beyond or (operation.id not in DOORS and not scopes & enough_for(operation)):
        return f"{operation.id} with {sorted(scopes)}"
    return ""


@pytest.mark.parametrize("provider", OPEN)
def test_a_directory_calls_nothing_beyond_its_scopes(providers, settings, tmp_path, provider):
    settings.PROVIDER_CALL_LOG = str(tmp_path / "calls.jsonl")
    contract = contract_of(provider)
    granted = {*contract.get("delegation_scopes", ()), *contract.get("application_roles", ())}

    lead_a_life(OPEN[provider](providers))

    lines = lines_of(tmp_path / "calls.jsonl")
    assert set(ORDINARY[provider]) == granted
    assert {why for line in lines if (why := uncovered(line, granted))} == set()
    called = {operation_of(line) for line in lines}
    assert called == LIFE[provider]
    assert called - DOORS <= set(contract["operations"])


@pytest.mark.parametrize("provider", OPEN)
def test_groups_and_googles_rooms_need_the_scopes_somebody_opted_into(
    providers, settings, tmp_path, provider
):
    settings.PROVIDER_CALL_LOG = str(tmp_path / "calls.jsonl")
    service = OPEN[provider](providers, OPTED_IN[provider])
    contract = contract_of(provider)

    next(service.groups())
    list(service.rooms())

    lines = lines_of(tmp_path / "calls.jsonl")
    assert {why for line in lines if (why := uncovered(line, set(OPTED_IN[provider])))} == set()
    called = {operation_of(line) for line in lines} - DOORS
    assert called - set(contract["operations"]) == BEYOND[provider]
    more = set(OPTED_IN[provider]) - set(ORDINARY[provider])
    for operation in BEYOND[provider]:
        wanted = set(contract["not_covered"][operation])
        assert wanted & {scope.removeprefix("https://www.googleapis.com/auth/") for scope in more}
