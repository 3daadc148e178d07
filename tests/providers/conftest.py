"""Every exchange of the portal with a provider is held against the contracts, both ways."""

from collections.abc import Iterator

import pytest

from tests.providers.wire import Wire, watched


@pytest.fixture(autouse=True)
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    with watched(monkeypatch) as wire:
        yield wire
