"""A real browser on the real portal. Every page that a journey opens is watched (tests/journeys/watch.py)."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings as portal_settings
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from orgunits.models import User
from tests.journeys.scenes import Scene, make_scene
from tests.journeys.watch import Watch
from tests.people import signed_in
from tests.providers.sandbox.server import SandboxServer

# Playwright's sync API runs an event loop in the test's thread, and Django takes that for a mistake.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--disable-dev-shm-usage",
]
PATIENCE_MS = 15_000  # two busy cores can be slow; nothing waits this long when all is well

OpenBrowser = Callable[..., Page]


def chromium() -> str | None:
    """The browser to start: $CHROMIUM, else Debian's, else None for Playwright's own."""
    for path in (os.environ.get("CHROMIUM", ""), "/usr/bin/chromium"):
        if path and Path(path).exists():
            return path
    return None


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One browser process for all journeys of a test worker.

    It ends with the journeys: Playwright's event loop would stand in the way of tests that run one themselves.
    """
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE_MS)
        process = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield process
        process.close()


@pytest.fixture
def portal(live_server, settings, providers: SandboxServer) -> str:
    """The portal's address, as a browser reaches it and providers send people back to it."""
    settings.PORTAL_URL = live_server.url
    return live_server.url


@pytest.fixture
def open_browser(browser: Browser, portal: str) -> Iterator[OpenBrowser]:
    """Opens a browser of another person: own cookies, own storage. Takes Playwright's context options."""
    opened: list[tuple[BrowserContext, Watch]] = []

    def open_one(**options) -> Page:
        context = browser.new_context(base_url=portal, permissions=["clipboard-write"], **options)
        context.set_default_timeout(PATIENCE_MS)
        opened.append((context, Watch(context)))
        return context.new_page()

    yield open_one
    for context, _watch in opened:
        context.close()  # no page asks for anything any more when the database is emptied
    assert [problem for _context, watch in opened for problem in watch.problems] == []


@pytest.fixture
def page(open_browser: OpenBrowser) -> Page:
    """The browser of whoever the journey is about."""
    return open_browser()


@pytest.fixture
def scene(portal: str) -> Scene:
    """Olga's unit with people of all three mail domains, and nothing connected yet."""
    return make_scene()


@pytest.fixture
def open_as(open_browser, portal) -> Callable[..., Page]:
    """Opens a browser with somebody signed in already."""

    def open_one(user: User | None, **options) -> Page:
        page = open_browser(**options)
        if user is not None:
            cookie = signed_in(user).cookies[portal_settings.SESSION_COOKIE_NAME]
            page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": portal}])
        return page

    return open_one
