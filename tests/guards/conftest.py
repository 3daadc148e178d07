"""The two furnished units that guards walk through."""

from copy import deepcopy

import pytest

from tests.guards.routes import House


@pytest.fixture
def house(standing_house, providers, db) -> House:
    """As it was built, whatever the test before did to it."""
    return deepcopy(standing_house)
