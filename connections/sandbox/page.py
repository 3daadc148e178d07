"""The page at `/`: the clock, latency, faults and the last calls, with forms instead of scripts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response, abort, redirect, render_template, request

from .world import the_world

blueprint = Blueprint("page", __name__, template_folder="templates")
CALLS_SHOWN = 50


@blueprint.before_request
def _loopback_only() -> None:
    if request.remote_addr not in ("127.0.0.1", "::1"):
        abort(403)


@blueprint.app_template_filter("clock")
def clock_text(seconds: float) -> str:
    """Epoch seconds as a UTC wall time."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S")


@blueprint.get("/")
def show() -> str:
    world = the_world()
    return render_template(
        "sandbox/page.html",
        world=world,
        now=world.now(),
        calls=list(world.calls)[-CALLS_SHOWN:][::-1],
        active=world.faults.active(),
    )


@blueprint.get("/sandbox.css")
def style() -> Response:
    return Response(render_template("sandbox/sandbox.css"), content_type="text/css; charset=utf-8")


@blueprint.post("/")
def change() -> Response:
    """One form, one change."""
    world, form = the_world(), request.form
    if "advance" in form:
        world.advance_clock(timedelta(hours=float(form["advance"] or 0)).total_seconds())
    if "real_clock" in form:
        world.real_clock()
    if "latency_ms" in form:
        world.latency_ms = max(0, int(form["latency_ms"] or 0))
    if form.get("fault") in world.faults.known:
        times = int(form["times"]) if form.get("times") else None
        world.faults.add(form["fault"], target=form.get("target") or None, times=times)
    if "remove_fault" in form:
        world.faults.remove(form["remove_fault"])
    return redirect("/", 303)
