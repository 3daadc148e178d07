"""What a reviewer looks for in every change: SQL by hand, guessable secrets, unverified certificates."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
APPS = ("config", "orgunits", "connections", "scheduling", "provisioning")

# Where SQL is written by hand, and why the ORM does not do.
REVIEWED = {
    "config/broker.py": "takes a due task in one statement, with SKIP LOCKED; values are parameters",
    "connections/hints.py": "keeps a provider's hint in a fifth of the ORM's time; values are parameters",
    "connections/push_messages.py": "finds a message's channel in a fifth of the ORM's time; values are parameters",
    "connections/directory_store.py": "an upsert of a page in a third of the ORM's time; values are parameters",
    "connections/bare_spans.py": "joins spans that overlap, in one statement; the SELECT in it is the ORM's",
    "orgunits/first_run.py": "an advisory lock; its number is a constant",
    "orgunits/bulk.py": "INSERT of a SELECT that the ORM wrote; names of columns are the model's",
    "orgunits/reviews.py": "INSERT of a SELECT that the ORM wrote; names of columns are the model's",
    "provisioning/fingerprint.py": "sums of hashes over whole tables in one statement; values are parameters",
    "provisioning/onboarding.py": "links many people to members in one statement; values are parameters",
    "orgunits/paging.py": "a comparison of rows, (a, b) > (x, y), which the ORM cannot say; values are parameters",
}
SQL_BY_HAND = {"cursor", "raw", "extra", "RawSQL", "as_sql"}
GUESSABLE = {"random", "uuid1", "getrandbits"}


def files() -> Iterator[tuple[str, ast.Module]]:
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            if "/migrations/" not in name and "/sandbox/" not in name:
                yield name, ast.parse(path.read_text())


def names_in(tree: ast.AST) -> set[str]:
    """Every name that is called, defined or imported."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            found.add(getattr(node.func, "attr", getattr(node.func, "id", "")))
        elif isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.name for alias in node.names} | {getattr(node, "module", "") or ""}
    return found


def switches_off_verification(tree: ast.AST) -> bool:
    return any(
        isinstance(node, ast.keyword)
        and node.arg in {"verify", "check_hostname"}
        and isinstance(node.value, ast.Constant)
        and node.value.value is False
        for node in ast.walk(tree)
    )


def test_sql_by_hand_is_on_the_reviewed_list():
    by_hand = {name for name, tree in files() if names_in(tree) & SQL_BY_HAND}

    assert by_hand == set(REVIEWED)


def test_nothing_secret_comes_from_a_guessable_source():
    guessable = {name for name, tree in files() if names_in(tree) & GUESSABLE}

    assert guessable == set()


def test_certificates_are_always_verified():
    assert [name for name, tree in files() if switches_off_verification(tree)] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Member.objects.raw('SELECT 1')", SQL_BY_HAND),
        ("from random import choice", GUESSABLE),
        ("connection.cursor().execute(x)", SQL_BY_HAND),
    ],
)
def test_the_search_finds_what_is_wrong(text, found):
    assert names_in(ast.parse(text)) & found


def test_the_search_finds_a_switched_off_verification():
    assert switches_off_verification(ast.parse("session.get(url, verify=False)"))
