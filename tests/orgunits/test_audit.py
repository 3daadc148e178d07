"""The audit log: it only grows, holds ids and codes, and shows names that can be erased apart from it."""

import ast

import pytest
from django.conf import settings
from django.db import InternalError, ProgrammingError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from orgunits import audit, audit_facts, audit_log
from orgunits.models import AuditEvent, AuditName
from tests.people import make_company

pytestmark = pytest.mark.django_db

REFUSED = (InternalError, ProgrammingError)


@pytest.fixture
def trigger_of_production():
    """Tests switch the guard against TRUNCATE off, to be able to clean up: switch it on again here."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE orgunits_auditevent ENABLE TRIGGER audit_no_truncate")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE orgunits_auditevent SET verb = 'nothing happened'",
        "DELETE FROM orgunits_auditevent",
        "TRUNCATE orgunits_auditevent",
    ],
)
def test_the_log_can_neither_be_changed_nor_emptied(trigger_of_production, statement):
    make_company()
    before = list(AuditEvent.objects.values_list())

    with pytest.raises(REFUSED, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert list(AuditEvent.objects.values_list()) == before


def test_the_models_own_ways_are_refused_too():
    make_company()
    event = AuditEvent.objects.first()

    for change in (event.delete, event.save, AuditEvent.objects.all().delete):
        with pytest.raises(REFUSED, match="append-only"), transaction.atomic():
            change()


def test_a_unit_can_go_and_what_happened_in_it_stays():
    company = make_company()
    number = company.unit.audit_events.count()
    pk = company.unit.pk

    company.unit.delete()

    assert number > 0
    assert AuditEvent.objects.filter(unit_id=pk).count() == number


def test_an_event_holds_ids_and_codes_and_never_a_name_or_address():
    make_company()

    for event in AuditEvent.objects.all():
        text = f"{event.actor} {event.subject} {event.facts}".lower()
        for word in ("olga", "carl", "emma", "sven", "@", "kube", "stranger"):
            assert word not in text


def test_an_act_that_fails_leaves_no_line():
    company = make_company()
    before = AuditEvent.objects.count()

    @transaction.atomic
    def act():
        audit.record(
            company.unit, "something", company.member(company.emma), by=company.olga, now=timezone.now()
        )
        raise RuntimeError

    with pytest.raises(RuntimeError):
        act()

    assert AuditEvent.objects.count() == before


def test_what_the_portal_did_by_itself_says_so():
    company = make_company()

    event = audit.record(
        company.unit, "something", company.member(company.emma), by=None, now=timezone.now(), count=3
    )

    assert (event.actor, event.facts) == ("system", {"count": 3})


def test_a_name_is_kept_as_it_was_last_called_and_a_very_long_one_is_cut():
    company = make_company()
    emma = company.member(company.emma)
    emma.given_name, emma.family_name = "E" * 100, "F" * 100
    emma.email = "x" * 60 + "@kube.example"
    emma.save()

    audit.record(company.unit, "something", emma, by=company.olga, now=timezone.now())

    assert AuditName.objects.get(subject=emma.public_id).name == f"{'E' * 100} {'F' * 100}"


# --- words


def facts_in_code() -> set[str]:
    """The names of facts, and of what changed, that stand in the portal's calls of `audit.record`."""
    found = set()
    for app in ("config", "orgunits", "connections", "scheduling", "provisioning"):
        for path in (settings.BASE_DIR / app).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "audit.record":
                    found |= {word.arg for word in node.keywords if word.arg} - OF_EVERY_EVENT
                    changes = [word.value for word in node.keywords if word.arg in {"before", "after"}]
                    found |= {key.value for change in changes for key in getattr(change, "keys", [])}
    return found


OF_EVERY_EVENT = {"by", "now", "before", "after", "why"}


def test_every_fact_has_words():
    assert facts_in_code() - set(audit_facts.LABELS) == set()
    assert len(facts_in_code()) > 15


def test_a_fact_that_nobody_put_into_words_is_still_read():
    assert audit_facts.label_of("odd_fact") == "Odd fact"
    assert audit_facts.words_of("odd_fact", "some_code") == "some_code"


@pytest.mark.parametrize("prefix", audit_log.PAGES)
def test_every_object_that_leads_somewhere_has_its_page(prefix):
    name, parameter = audit_log.PAGES[prefix]

    assert reverse(name, kwargs={"slug": "x", parameter: f"{prefix}_{'0' * 24}"})
