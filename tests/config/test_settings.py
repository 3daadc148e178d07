"""The portal starts only with what it needs, and says by name what is missing and what it is for."""

import os
import subprocess
import sys
from datetime import date

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.env import env, env_bool, env_date, env_int, env_list, env_required
from config.settings import BASE_DIR

COMPLETE = {
    "SECRET_KEY": "k" * 60,
    "PORTAL_URL": "https://portal.example.com",
    "ENCRYPTION_KEYS": "c2VhbHMgbm90aGluZyBvdXRzaWRlIGEgdGVzdCBydW4=",
    "DATABASE_URL": "postgres://nobody@localhost/nothing",
    "EMAIL_HOST": "smtp.example.com",
    "DEFAULT_FROM_EMAIL": "convoke@example.com",
}


def start(code: str = "", **environment: str) -> subprocess.CompletedProcess:
    """A fresh process that loads the settings of production and then runs `code`."""
    keep = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", f"import django; django.setup()\nfrom django.conf import settings\n{code}"],
        env={**keep, "DJANGO_SETTINGS_MODULE": "config.settings", **environment},
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
    )


def without(*names: str) -> dict[str, str]:
    return {name: value for name, value in COMPLETE.items() if name not in names}


@pytest.mark.parametrize(
    ("name", "purpose"),
    [
        ("SECRET_KEY", "signs sessions and links"),
        ("PORTAL_URL", "address people open"),
        ("EMAIL_HOST", "mailed through this SMTP server"),
        ("DEFAULT_FROM_EMAIL", "address that mail comes from"),
    ],
)
@pytest.mark.parametrize("value", [None, "", "   "])
def test_a_missing_value_stops_the_start_with_its_name_and_purpose(name, purpose, value):
    environment = without(name) | ({name: value} if value is not None else {})

    ended = start(**environment)

    assert ended.returncode != 0
    last = ended.stderr.strip().splitlines()[-1]
    assert f"{name} is not set." in last
    assert purpose in last


def test_what_production_needs_is_enough_and_nothing_is_open_by_default():
    ended = start(
        "print(settings.DEBUG, settings.SAMPLE_INSTALLATION, settings.MFA_REQUIRED, settings.ALLOWED_HOSTS,"
        " settings.WHO_CREATES_UNITS, settings.SANDBOX_URL == '')",
        **COMPLETE,
    )

    assert ended.stdout.strip() == "False False True ['portal.example.com'] staff True", ended.stderr


def test_cookies_and_redirects_are_hardened_when_people_come_by_https():
    ended = start(
        "print(settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, settings.SESSION_COOKIE_SECURE,"
        " settings.CSRF_COOKIE_SECURE, settings.SESSION_COOKIE_HTTPONLY, settings.SECURE_SSL_REDIRECT,"
        " settings.SECURE_HSTS_SECONDS >= 31536000)",
        **COMPLETE,
    )

    assert ended.stdout.split() == ["__Host-session", "__Host-csrf", *["True"] * 5], ended.stderr


def test_no_provider_is_reached_at_another_address_than_its_own():
    ended = start(
        "print(settings.GOOGLE_OAUTH_URL, settings.MICROSOFT_GRAPH_URL, settings.GOOGLE_CLIENT_ID == '')",
        **COMPLETE,
    )

    assert ended.stdout.split() == ["https://oauth2.googleapis.com", "https://graph.microsoft.com", "True"]


def test_a_sign_in_client_without_its_secret_stops_the_start():
    ended = start(**COMPLETE, SIGN_IN_GOOGLE_CLIENT_ID="abc")

    assert "SIGN_IN_GOOGLE_CLIENT_SECRET is not set." in ended.stderr


def test_sealing_without_a_key_says_which_setting_is_missing():
    ended = start("from connections.sealing import seal\nseal('x', place='y')", **without("ENCRYPTION_KEYS"))

    assert "ENCRYPTION_KEYS is not set." in ended.stderr.strip().splitlines()[-1]


def test_tests_inherit_nothing_from_the_sample():
    ended = start("print(settings.ACCOUNT_EMAIL_VERIFICATION)", **COMPLETE)

    assert ended.stdout.strip() == "mandatory"


@pytest.mark.parametrize("name", ["SECRET_KEY", "PORTAL_URL", "ENCRYPTION_KEYS"])
def test_a_secret_can_stand_in_a_file(tmp_path, name):
    file = tmp_path / "value"
    file.write_text(COMPLETE[name] + "\n")

    ended = start(f"print(settings.{name})", **without(name), **{f"{name}_FILE": str(file)})

    assert COMPLETE[name] in ended.stdout, ended.stderr


# --- reading one value


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", True), ("TRUE", True), ("yes", True), ("on", True), ("0", False), ("no", False), ("", None)],
)
def test_a_switch_is_read(monkeypatch, text, value):
    monkeypatch.setenv("A_SWITCH", text)

    assert env_bool("A_SWITCH") is (value or False)
    assert env_bool("A_SWITCH", True) is (True if value is None else value)


@pytest.mark.parametrize("text", ["2", "maybe", "tru"])
def test_an_unclear_switch_stops_the_start(monkeypatch, text):
    monkeypatch.setenv("A_SWITCH", text)

    with pytest.raises(ImproperlyConfigured, match="A_SWITCH must be 1 or 0"):
        env_bool("A_SWITCH")


def test_a_number_is_read_and_a_word_is_refused(monkeypatch):
    monkeypatch.setenv("A_NUMBER", " 12 ")
    assert env_int("A_NUMBER", 5) == 12
    assert env_int("NOT_THERE", 5) == 5

    monkeypatch.setenv("A_NUMBER", "dozen")
    with pytest.raises(ImproperlyConfigured, match="A_NUMBER must be a whole number"):
        env_int("A_NUMBER", 5)


def test_a_day_is_told_as_such_or_not_at_all(monkeypatch):
    monkeypatch.setenv("A_DAY", "2027-01-31")
    assert env_date("A_DAY") == date(2027, 1, 31)
    assert env_date("NOT_THERE") is None

    monkeypatch.setenv("A_DAY", "31.1.2027")
    with pytest.raises(ImproperlyConfigured, match="A_DAY must be a day like 2027-01-31"):
        env_date("A_DAY")


def test_a_list_is_split_at_commas(monkeypatch):
    monkeypatch.setenv("SOME", " a, b ,,c")

    assert env_list("SOME") == ["a", "b", "c"]
    assert env_list("NOT_THERE", "x") == ["x"]


def test_a_value_is_trimmed_and_a_missing_file_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("A_TEXT", "  spaces  ")
    assert env("A_TEXT") == "spaces"

    monkeypatch.setenv("A_TEXT_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError):
        env_required("A_TEXT", "for a test")


@pytest.mark.parametrize(
    "value", ["http://calendars.example.com", "calendars.example.com", "https://", "https://a.example?b=c"]
)
def test_a_public_address_that_is_none_stops_the_start(value):
    ended = start(**COMPLETE, PUBLIC_URL=value)

    assert ended.returncode != 0
    assert f"PUBLIC_URL must be an https address, not {value.rstrip('/')!r}" in ended.stderr


def test_the_portal_answers_at_its_public_address_too():
    printed = "print(settings.PUBLIC_URL, settings.ALLOWED_HOSTS)"

    ended = start(printed, **COMPLETE, PUBLIC_URL="https://push.example.com/")

    assert ended.stdout.strip() == "https://push.example.com ['portal.example.com', 'push.example.com']"
    assert start(printed, **COMPLETE).stdout.strip() == "['portal.example.com']"
