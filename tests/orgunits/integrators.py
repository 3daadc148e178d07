"""Applications of an integrator: made, changed and approved by verb, and where their pages are."""

from datetime import UTC, datetime, timedelta

from django.urls import reverse

from orgunits import applications
from orgunits.models import Application, AuditEvent
from tests.people import Integrator, signed_in

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def make(tools: Integrator, **values) -> tuple[Application, str]:
    given = {
        "name": "Scheduler",
        "environment": "production",
        "publisher": "Tools Ltd, books meetings",
        "redirect_uris": ["https://app.tools.example/callback"],
        "reserved": applications.reserve(tools.unit, tools.ethan),
        "by": tools.ethan,
        "now": NOW,
    }
    return applications.create(tools.unit, **{**given, **values})


def verbs(row: Application) -> list[str]:
    return list(
        AuditEvent.objects.filter(subject=row.public_id).order_by("pk").values_list("verb", flat=True)
    )


def approved(row: Application, by) -> Application:
    applications.approve(
        row, seen=row.updated, by=by, now=NOW + timedelta(minutes=5), why="Seen their papers"
    )
    return row


def page(tools: Integrator, name: str, app: Application) -> str:
    return reverse(name, args=[tools.unit.slug, app.public_id])


def listed(tools: Integrator, user, query: str = "") -> str:
    answer = signed_in(user).get(reverse("applications", args=[tools.unit.slug]) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def seen(app: Application) -> dict:
    app.refresh_from_db()
    return {"seen": app.updated.isoformat()}


def text(answer) -> str:
    return answer.content.decode()
