"""The two furnished units that guards walk through."""

import pytest

from tests.guards.routes import House, build_house
from tests.people import make_company


@pytest.fixture
def house(providers, db) -> House:
    return build_house(make_company())
