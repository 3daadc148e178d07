"""The people most tests of units begin with."""

import pytest

from tests.people import Company, Integrator, make_company, make_integrator


@pytest.fixture
def company(db) -> Company:
    return make_company()


@pytest.fixture
def tools(db) -> Integrator:
    return make_integrator()
