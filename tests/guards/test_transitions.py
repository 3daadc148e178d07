"""A connection's state changes in one place: `connections/states.py`, by the table of allowed moves."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from connections import states
from connections.models import CalendarConnection
from connections.states import ALLOWED, NotPossibleNow, State, move
from tests.people import make_company

APPS = ("config", "orgunits", "connections", "scheduling", "provisioning")
THE_PLACE = Path("connections/states.py")
WRITERS = {"update", "create", "get_or_create", "update_or_create", "bulk_create", "update_fields"}

# Other rows have a column `state` too. A line that writes one says here whose it is.
OTHER_STATES = {
    "connections/channels.py": "PushChannel.state",
    "connections/directory_reading.py": "DirectoryReading.state",
    "connections/directory_sheets.py": "DirectorySheet.state",
    "connections/mailboxes.py": "Mailbox.state",
    "connections/personal_tokens.py": "PersonalGrant.state",
    "provisioning/plans.py": "Plan.state",
    "orgunits/units.py": "OrganizationalUnit.state",
    "orgunits/bulk.py": "BulkRow.state",
    "orgunits/applications.py": "Application.state",
    "orgunits/identity.py": "IdentityConfirmation.state",
    "orgunits/invitations.py": "Invitation.state, and the member it brings along",
}


def files() -> Iterator[tuple[Path, ast.Module]]:
    for app in APPS:
        for path in sorted((settings.BASE_DIR / app).rglob("*.py")):
            place = path.relative_to(settings.BASE_DIR)
            if "migrations" not in place.parts and "sandbox" not in place.parts:
                yield place, ast.parse(path.read_text())


def writes_of_state(tree: ast.Module) -> Iterator[ast.AST]:
    """Assignments to `.state`, and `state=` given to what writes rows."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in ast.walk(ast.Module(body=[ast.Expr(t) for t in targets], type_ignores=[])):
                if isinstance(target, ast.Attribute) and target.attr == "state":
                    yield node
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            keywords = {keyword.arg for keyword in node.keywords}
            if "state" in keywords and (name in WRITERS or name in {"Connection", "CalendarConnection"}):
                yield node
            fields = next((k.value for k in node.keywords if k.arg == "update_fields"), None)
            if isinstance(fields, ast.List | ast.Tuple | ast.Set) and any(
                isinstance(field, ast.Constant) and field.value == "state" for field in fields.elts
            ):
                yield node


def test_only_the_table_of_moves_writes_a_connections_state():
    found = {str(place) for place, tree in files() if any(writes_of_state(tree)) and place != THE_PLACE}

    assert found == set(OTHER_STATES)


def test_the_files_that_write_other_states_never_write_a_connections():
    for place, tree in files():
        if str(place) not in OTHER_STATES:
            continue
        for node in writes_of_state(tree):
            text = ast.unparse(node)
            assert "Connection.objects" not in text, f"{place}: {text}"
            assert not text.startswith("connection.state"), f"{place}: {text}"


def test_the_one_place_writes_by_a_guarded_update():
    tree = ast.parse((settings.BASE_DIR / THE_PLACE).read_text())
    (verb,) = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == "move")

    assert "state__in=allowed_from" in ast.unparse(verb)


def test_the_search_finds_a_write_when_there_is_one():
    wrong = [
        "connection.state = State.ACTIVE",
        "CalendarConnection.objects.filter(pk=1).update(state='active')",
        "CalendarConnection(unit=unit, state='active')",
        "a, connection.state = 1, 2",
        "connection.save(update_fields=['state'])",
    ]

    assert all(list(writes_of_state(ast.parse(line))) for line in wrong)


# --- the table itself


@pytest.mark.django_db
@pytest.mark.parametrize("before", State.values)
@pytest.mark.parametrize("after", State.values)
def test_a_move_happens_exactly_when_the_table_allows_it(before, after):
    unit, now = make_company().unit, timezone.now()
    row = CalendarConnection.objects.create(unit=unit, provider="google", mode="free_busy", state=before)

    if after in ALLOWED[before]:
        move(row, after, now=now, reason_code="revoked")
        assert CalendarConnection.objects.values_list("state", "state_since", "state_reason").get() == (
            after, now, "revoked",
        )  # fmt: skip
        assert (row.state, row.state_since) == (after, now)
    else:
        with pytest.raises(NotPossibleNow):
            move(row, after, now=now)
        row.refresh_from_db()
        assert row.state == before


def test_the_table_names_every_state_and_disconnected_is_the_end():
    assert set(ALLOWED) == set(State.values)
    assert ALLOWED[State.DISCONNECTED] == frozenset()
    assert all(State.DISCONNECTED in targets for s, targets in ALLOWED.items() if s != State.DISCONNECTED)
    assert set(states.TONES) >= set(State.values) - {State.ACTIVE}
