"""What the tests of the provider clients find prepared."""

import pytest

from tests.contracts.wire import kept_to_the_contracts


@pytest.fixture(autouse=True)
def calls_keep_to_the_contracts(monkeypatch):
    """Every call a client makes in these tests is held against the contracts."""
    with kept_to_the_contracts(monkeypatch):
        yield
