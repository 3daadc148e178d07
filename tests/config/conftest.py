"""People who can sign in by the page, and a clock that can be moved on."""

import time

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.test import override_settings

from tests.people import Company, make_company


@pytest.fixture
def no_counts_from_before(db):
    cache.clear()


@pytest.fixture
def company(db) -> Company:
    company = make_company()
    for user in (company.olga, company.carl, company.emma):
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return company


@pytest.fixture
def clock(monkeypatch):
    """Moves the clock by which sessions and proofs are measured."""
    real, ahead = time.time, [0.0]
    moved = lambda: real() + ahead[0]  # noqa: E731
    for module in ("config.sessions", "config.accounts"):
        monkeypatch.setattr(f"{module}.time", moved)
    monkeypatch.setattr(time, "time", moved)

    def forward(seconds: float) -> None:
        ahead[0] += seconds

    return forward


@pytest.fixture
def demanding():
    with override_settings(REAUTHENTICATION=True):
        yield
