"""What the tests of this app find prepared."""

from collections.abc import Iterator

import pytest

from tests.connections.push import PUBLIC, Announced, Letterbox
from tests.connections.scene import Scene
from tests.contracts.wire import kept_to_the_contracts


@pytest.fixture(autouse=True)
def calls_keep_to_the_contracts(monkeypatch):
    """Every call the portal makes in these tests is held against the contracts."""
    with kept_to_the_contracts(monkeypatch):
        yield


@pytest.fixture
def letterbox(providers, settings) -> Iterator[Letterbox]:
    """A public address of this portal; what providers send there waits until the test delivers it."""
    settings.PUBLIC_URL, settings.PUSH_INTERVAL_SECONDS = PUBLIC, 0
    box = Letterbox()
    providers.control("POST", "push-map", map=f"{PUBLIC}={box.url}")
    yield box
    box.close()


@pytest.fixture
def announced(providers, letterbox, request) -> Announced:
    """Two members whose changes are announced, in the mode that `announced_in` names."""
    return Announced(providers, letterbox, *request.param)


@pytest.fixture
def scene(providers, request) -> Scene:
    """One member, read once in the mode that `in_modes` names."""
    scene = Scene(providers, *request.param)
    scene.read()
    assert scene.is_true()
    return scene
