"""The Flask app: both providers under their real host names, the control address, and a page.

A provider is a package beside this file with `blueprint` (routes start with the real host), `FAULTS`
(name -> sentence) and `set_up(world)`, called once. Its views say in `flask.g` what a call was about: `g.operation`,
`g.who`, `g.scopes`, and `g.labels` (strings a fault's target is compared with).
"""

from __future__ import annotations

import importlib
import importlib.util
import time
from pathlib import Path
from urllib.parse import parse_qsl, urlencode
from wsgiref.handlers import format_date_time

from flask import Flask, Response, g, request

from . import control, mail_pages, mail_server, page
from . import control_events as _control_events  # noqa: F401  (adds to the control address)
from . import new_keys as _new_keys  # noqa: F401  (adds to the control address)
from .world import World, the_world

PROVIDERS = ("google", "microsoft")
SECRETS = {"access_token", "assertion", "code", "client_secret", "refresh_token", "id_token", "token"}


def base(host: str) -> str:
    """The address of a real host as the caller reaches it here, without a slash at the end."""
    return f"{request.host_url.rstrip('/')}/{host}"


def create_app(home: Path | str) -> Flask:
    """The whole sandbox over the folder `home`, which is made when missing."""
    app = Flask(__name__, static_folder=None)
    app.json.sort_keys = False
    app.url_map.strict_slashes = False
    world = World(Path(home))
    app.extensions["sandbox"] = world
    for name in PROVIDERS:
        if importlib.util.find_spec(f"{__package__}.{name}") is None:
            continue
        package = importlib.import_module(f"{__package__}.{name}")
        if not hasattr(package, "blueprint"):
            continue
        world.faults.declare(package.FAULTS)
        package.set_up(world)
        app.register_blueprint(package.blueprint)
    app.register_blueprint(control.blueprint)
    app.register_blueprint(page.blueprint)
    world.faults.declare(mail_server.FAULTS)
    app.register_blueprint(mail_pages.blueprint)
    app.before_request(_arrive)
    app.after_request(_leave)
    return app


def provider_host() -> str | None:
    """The real host of this call, or None when it is for the sandbox itself."""
    first = request.path.lstrip("/").partition("/")[0]
    return first if "." in first else None


def _arrive() -> None:
    g.started = time.time()
    g.labels = ()
    host = provider_host()
    if host is None:
        return
    world = the_world()
    slow = world.faults.hit("latency", host)
    wait = world.latency_ms + (slow.get("ms", 1000) if slow else 0)
    if wait:
        time.sleep(wait / 1000)


def _leave(response: Response) -> Response:
    host = provider_host()
    if host is None:
        return response
    world = the_world()
    response.headers["Date"] = format_date_time(
        time.time() + world.faults.parameter("clock_skew", "seconds", 600)
    )
    query = [
        (name, "..." if name in SECRETS else value)
        for name, value in parse_qsl(request.query_string.decode())
    ]
    world.calls.append(
        {
            "time": g.started,
            "host": host,
            "method": request.method,
            "path": request.path.lstrip("/").partition("/")[2],
            "query": urlencode(query),
            "operation": getattr(g, "operation", None),
            "who": getattr(g, "who", None),
            "scopes": sorted(getattr(g, "scopes", ())),
            "status": response.status_code,
            "ms": round((time.time() - g.started) * 1000, 1),
        }
    )
    labels = (host, *g.labels)
    date = {"Date": response.headers["Date"]}
    if world.faults.hit("lost_answer", *labels):
        return Response("", 504, date, content_type="text/plain")
    if world.faults.hit("nonsense", *labels):
        sorry = "<!doctype html><title>Sorry</title><p>Please try later."
        return Response(sorry, 200, date, content_type="text/html")
    if world.faults.hit("truncated", *labels):
        response.set_data(response.get_data()[: max(1, (response.content_length or 2) // 2)])
    return response
