"""The server as a whole: starting, ending, what it keeps, its control address, page and name server."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import dns.message
import dns.query
import dns.rcode
import pytest
import requests

from connections.sandbox.google.operations import OPERATIONS
from connections.sandbox.world import World
from tests.contracts import Contracts

from .google_client import CALENDAR, EMPLOYEE, FREE_BUSY, GoogleClient
from .server import ROOT, SandboxServer

HOUR = {"start": "2026-09-01T10:00:00+00:00", "end": "2026-09-01T11:00:00+00:00"}


def test_it_starts_ends_and_finds_everything_as_it_was(tmp_path: Path, contracts: Contracts) -> None:
    server = SandboxServer(tmp_path)
    began = time.monotonic()
    server.start()
    assert time.monotonic() - began < 10
    google = GoogleClient(server, contracts)
    google.delegate(CALENDAR)
    event = server.control("POST", f"mailboxes/{EMPLOYEE}/events", **HOUR)["id"]
    server.control("POST", "dns", name="_convoke.kube.example", txt=["proof"])
    server.control("PATCH", "people/lucas.hansen68@sigs.example", suspended=True)
    before = server.control("GET", "state")
    assert server.stop() < 5

    again = SandboxServer(tmp_path)
    again.start()
    try:
        after = again.control("GET", "state")
        for name in ("delegations", "registrations", "dns", "last_change", "directory"):
            assert after[name] == before[name]
        google = GoogleClient(again, contracts)
        assert google.call("GET", f"calendars/primary/events/{event}").status_code == 200
    finally:
        again.stop()


def test_a_second_signal_in_the_midst_of_saving_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path)
    world.dns["a.example"] = ["kept"]
    replace, signals = os.replace, iter(["SIGINT", "SIGQUIT"])

    def interrupted(*paths: Path) -> None:
        if next(signals, None):
            world.save()  # what the signal's handler does, wherever the thread is
        replace(*paths)

    monkeypatch.setattr(os, "replace", interrupted)
    world.save()

    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]
    assert World(tmp_path).dns == {"a.example": ["kept"]}


def test_the_keys_command_makes_the_service_accounts(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "connections.sandbox", "keys", "--home", str(tmp_path)]
    for _ in range(2):
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        path = tmp_path / "service-accounts" / "installation.json"
        account = json.loads(path.read_text())
        assert account["type"] == "service_account"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_every_operation_of_the_contract_has_an_answer_and_its_scopes(contracts: Contracts) -> None:
    google = {one.id: one for one in contracts.operations if one.document.name == "google.openapi.json"}
    assert set(OPERATIONS) == set(google)
    prefix = "https://www.googleapis.com/auth/"
    for name, operation in google.items():
        scopes = {one.removeprefix(prefix) for one in operation.spec.get("x-google-scopes", [])}
        assert set(OPERATIONS[name]["scopes"]) == scopes


def test_every_scope_of_a_mode_opens_what_the_contract_says(google: GoogleClient) -> None:
    modes = json.loads((ROOT / "tests/contracts/access_modes.json").read_text())["modes"]
    mode = next(one for one in modes if (one["provider"], one["mode"]) == ("google", "free_busy"))
    calls = {
        "calendar.calendars.get": ("GET", "calendars/primary", {}),
        "calendar.calendarList.list": ("GET", "users/me/calendarList", {}),
        "calendar.events.list": ("GET", "calendars/primary/events", {}),
        "calendar.settings.get": ("GET", "users/me/settings/timezone", {}),
        "calendar.events.insert": ("POST", "calendars/primary/events", {"json": {}}),
    }
    scope = " ".join(one for one in mode["delegation_scopes"] if "/auth/calendar" in one)
    for name, (method, path, more) in calls.items():
        answer = google.call(method, path, scope=scope, checked=False, **more)
        assert (answer.status_code == 403) is (name in mode["not_covered"]), name


def test_calls_are_written_down_without_secrets(google: GoogleClient) -> None:
    google.call("GET", "users/me/calendarList", scope=FREE_BUSY)
    google.call("GET", "users/me/calendarList", scope=CALENDAR, maxResults=3)
    calls = google.sandbox.control("GET", "calls")["calls"]

    assert calls[-1]["operation"] == "calendar.calendarList.list"
    assert (calls[-1]["who"], calls[-1]["status"], calls[-1]["query"]) == (EMPLOYEE, 200, "maxResults=3")
    assert calls[-1]["scopes"] == [CALENDAR]
    assert calls[-3]["status"] == 403
    since = google.sandbox.control("GET", f"calls?since={calls[-2]['time']}")["calls"]
    assert len(since) == 1
    assert "ya29." not in json.dumps(calls)


def test_the_name_server_answers_txt_and_nothing_else(sandbox: SandboxServer) -> None:
    sandbox.control("POST", "dns", name="_convoke.kube.example", txt=["proof=1", "x" * 600])

    def ask(name: str, kind: str = "TXT") -> dns.message.Message:
        return dns.query.udp(dns.message.make_query(name, kind), "127.0.0.1", port=sandbox.port, timeout=3)

    found = ask("_convoke.kube.example")
    texts = {b"".join(one.strings).decode() for one in found.answer[0]}
    assert texts == {"proof=1", "x" * 600}
    assert ask("_convoke.KUBE.example").answer
    assert not ask("_convoke.kube.example", "A").answer
    assert ask("elsewhere.example").rcode() == dns.rcode.NXDOMAIN
    sandbox.control("POST", "dns", name="_convoke.kube.example", txt=[])
    assert ask("_convoke.kube.example").rcode() == dns.rcode.NXDOMAIN


def test_the_clock_can_be_set_put_forward_and_stopped(sandbox: SandboxServer) -> None:
    noon = "2027-01-01T12:00:00+00:00"
    assert sandbox.control("POST", "clock", now=noon, frozen=True)["now"] == noon
    assert sandbox.control("POST", "clock", advance_seconds=3600)["now"] == "2027-01-01T13:00:00+00:00"
    assert not sandbox.control("POST", "clock", real=True)["now"].startswith("2027-01-01")


def test_latency_holds_provider_calls_only(google: GoogleClient) -> None:
    google.token(EMPLOYEE, CALENDAR)
    google.sandbox.control("POST", "latency", ms=200)
    began = time.monotonic()
    google.call("GET", "users/me/calendarList")
    assert time.monotonic() - began > 0.2
    began = time.monotonic()
    google.sandbox.control("GET", "state")
    assert time.monotonic() - began < 0.2


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "faults", {"fault": "nothing"}),
        ("POST", "faults", {}),
        ("POST", "clock", {"now": "noon"}),
        ("POST", "mailboxes/nobody@kube.example/events", HOUR),
        ("POST", f"mailboxes/{EMPLOYEE}/events", {"start": HOUR["end"], "end": HOUR["start"]}),
        ("POST", f"mailboxes/{EMPLOYEE}/events", {**HOUR, "busy": "sleepy"}),
        ("DELETE", f"mailboxes/{EMPLOYEE}/events/none", {}),
        ("POST", "service-accounts", {"name": "../x"}),
        ("POST", "directory", {"snapshot": "1999-01-01"}),
        ("PATCH", f"people/{EMPLOYEE}", {"colour": "blue"}),
    ],
)
def test_a_wrong_control_call_is_refused_in_words(
    sandbox: SandboxServer, method: str, path: str, body: dict
) -> None:
    answer = requests.request(method, f"{sandbox.url}/control/{path}", json=body)

    assert answer.status_code in (400, 404)
    assert answer.json()["error"]


def test_the_page_shows_and_changes_what_is_switched_on(sandbox: SandboxServer) -> None:
    page = requests.post(f"{sandbox.url}/", data={"fault": "meet_fails", "times": "2", "target": EMPLOYEE})
    assert "Switch off meet_fails" in page.text
    requests.post(f"{sandbox.url}/", data={"remove_fault": "meet_fails"})
    requests.post(f"{sandbox.url}/", data={"latency_ms": "5"})

    state = sandbox.control("GET", "state")
    assert (state["faults"], state["latency_ms"]) == ([], 5)
    assert "style=" not in page.text
    assert "<script" not in page.text


def test_every_known_fault_is_explained_and_stands_in_the_readme(sandbox: SandboxServer) -> None:
    known = sandbox.control("GET", "faults")["known"]
    readme = (ROOT / "connections/sandbox/README.md").read_text()

    assert len(known) > 30
    for name, sentence in known.items():
        assert sentence.endswith(".")
        assert f"`{name}`" in readme, name


def test_reset_forgets_changes_only_when_asked(google: GoogleClient) -> None:
    event = google.sandbox.control("POST", f"mailboxes/{EMPLOYEE}/events", **HOUR)["id"]
    google.sandbox.control("POST", "reset")
    assert google.call("GET", f"calendars/primary/events/{event}").status_code == 200

    google.sandbox.control("POST", "reset", all=True)
    assert google.sandbox.control("GET", "state")["delegations"] == {}
    assert google.call("GET", f"calendars/primary/events/{event}").status_code == 404
