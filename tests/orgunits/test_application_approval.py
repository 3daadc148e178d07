"""Approval of an application by staff, and what takes it back, by verb and by page."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orgunits import applications, support
from orgunits.applications import ChangedMeanwhile
from orgunits.models import Application, AuditEvent, AuditReason
from tests.orgunits.integrators import LATER, NOW, approved, make, page, seen, text, verbs
from tests.people import Integrator, make_user, signed_in

pytestmark = pytest.mark.django_db


def change(row: Application, by, **values) -> None:
    given = {"name": row.name, "publisher": row.publisher, "redirect_uris": row.redirect_uris.split()}
    applications.change(row, **{"seen": row.updated, "by": by, "now": LATER, **given, **values})


# --- by verb


def test_approval_holds_who_when_and_why(tools):
    row = approved(make(tools)[0], tools.irma)

    row.refresh_from_db()
    event = AuditEvent.objects.get(subject=row.public_id, verb="application.approved")
    assert (row.approved_by, row.approved_at) == (tools.irma, NOW + timedelta(minutes=5))
    assert AuditReason.objects.get(event=event.public_id).text == "Seen their papers"
    with pytest.raises(ChangedMeanwhile):
        approved(row, tools.irma)


def test_what_was_looked_at_is_what_is_approved(tools):
    row, _secret = make(tools)
    looked_at = row.updated
    change(row, tools.ethan, redirect_uris=["https://evil.example/cb"])

    with pytest.raises(ChangedMeanwhile):
        applications.approve(row, seen=looked_at, by=tools.irma, now=LATER, why="Fine")


@pytest.mark.parametrize(
    "values",
    [
        {"name": "Another"},
        {"publisher": "Another"},
        {"redirect_uris": ["https://app.tools.example/callback", "https://new.tools.example/cb"]},
        {"redirect_uris": ["https://app.tools.example:8443/callback"]},
    ],
)
def test_what_customers_would_read_or_reach_differently_needs_a_new_approval(tools, values):
    row = approved(make(tools)[0], tools.irma)

    change(row, tools.ethan, **values)

    row.refresh_from_db()
    assert (row.approved_at, row.approved_by) == (None, None)
    assert verbs(row)[2:] == ["application.changed", "application.approval_ended"]


@pytest.mark.parametrize(
    "uris",
    [
        ["https://app.tools.example/callback", "https://app.tools.example/other"],
        ["https://app.tools.example/other"],
    ],
)
def test_another_path_on_an_approved_host_keeps_the_approval(tools, uris):
    row = approved(make(tools)[0], tools.irma)

    change(row, tools.ethan, redirect_uris=uris)

    event = AuditEvent.objects.get(subject=row.public_id, verb="application.changed")
    assert row.approved_at is not None
    assert event.before == {"redirect_uris": ["https://app.tools.example/callback"]}
    assert event.after == {"redirect_uris": uris}
    assert event.facts == {"fields": ["redirect_uris"]}


def test_another_logo_needs_a_new_approval(tools):
    row = approved(make(tools)[0], tools.irma)

    applications.set_logo(row, b"png", seen=row.updated, by=tools.ethan, now=LATER)
    applications.set_logo(row, None, seen=row.updated, by=tools.ethan, now=LATER + timedelta(1))

    row.refresh_from_db()
    assert row.approved_at is None
    assert verbs(row)[2:] == [
        "application.logo_changed",
        "application.approval_ended",
        "application.logo_removed",
    ]


def test_saving_without_a_change_leaves_no_trace(tools):
    row = approved(make(tools)[0], tools.irma)

    change(row, tools.ethan)

    assert verbs(row) == ["application.created", "application.approved"]


def test_approval_can_be_withdrawn_with_a_reason(tools):
    row = approved(make(tools)[0], tools.irma)

    applications.withdraw_approval(row, seen=row.updated, by=tools.irma, now=LATER, why="Complaints")

    row.refresh_from_db()
    assert row.approved_at is None
    with pytest.raises(ChangedMeanwhile):
        applications.withdraw_approval(row, seen=row.updated, by=tools.irma, now=LATER, why="Complaints")


# --- by page


def approval_page(app: Application) -> str:
    return reverse("admin:orgunits_application_approval", args=[app.pk])


def staff(tools: Integrator) -> Client:
    """Support, who said why they look into the unit."""
    client = signed_in(make_user("Sami", "sami@x.example", is_staff=True, is_superuser=True))
    session = client.session
    support.begin(session, tools.unit, "Asked to approve", now=timezone.now())
    session.save()
    return client


def test_staff_approve_with_a_reason_that_the_unit_reads(tools):
    sami, app = staff(tools), tools.production
    applications.set_logo(app, b"png", seen=app.updated, by=tools.ethan, now=timezone.now())
    shown = text(sami.get(approval_page(app)))
    assert "data:image/png;base64,cG5n" in shown
    assert "https://production.tools.example/callback" in shown
    assert approval_page(app) in text(sami.get(reverse("admin:orgunits_application_change", args=[app.pk])))

    sami.post(approval_page(app), {"why": "We know them", **seen(app)})

    event = AuditEvent.objects.get(subject=app.public_id, verb="application.approved")
    assert (event.unit, event.origin) == (tools.unit, "support")
    assert AuditReason.objects.get(event=event.public_id).text == "We know them"
    assert "Development mode" not in text(signed_in(tools.ethan).get(page(tools, "application", app)))
    body = text(signed_in(tools.irma).get(page(tools, "application", app)))
    assert "Application approved" in body
    assert "We know them" in body


def test_an_approval_needs_a_reason_and_what_was_looked_at(tools):
    sami, app = staff(tools), tools.production

    assert sami.post(approval_page(app), {"why": " ", **seen(app)}).status_code == 422
    looked_at = seen(app)
    applications.set_logo(app, b"png", seen=app.updated, by=tools.ethan, now=timezone.now())
    sami.post(approval_page(app), {"why": "Fine", **looked_at})

    app.refresh_from_db()
    assert app.approved_at is None


def test_staff_withdraw_an_approval(tools):
    sami, app = staff(tools), tools.production
    sami.post(approval_page(app), {"why": "We know them", **seen(app)})

    sami.post(approval_page(app), {"why": "Complaints", **seen(app)})

    app.refresh_from_db()
    assert app.approved_at is None
    assert AuditEvent.objects.filter(subject=app.public_id, verb="application.approval_ended").exists()


def test_nobody_of_the_unit_and_no_staff_without_a_reason_to_look_approves(tools):
    helper = make_user("Hal", "hal@x.example", is_staff=True)
    for user in (tools.irma, tools.ethan, helper):
        signed_in(user).post(approval_page(tools.production), {"why": "x", **seen(tools.production)})
    tools.production.refresh_from_db()
    assert tools.production.approved_at is None


def test_support_sees_no_secret_of_an_application(tools):
    applications.make_second_secret(
        tools.production, seen=tools.production.updated, by=tools.ethan, now=timezone.now()
    )
    sami, app = staff(tools), tools.production
    app.refresh_from_db()

    for path in (
        approval_page(app),
        reverse("admin:orgunits_application_change", args=[app.pk]),
        f"{reverse('admin:orgunits_application_changelist')}?unit__public_id__exact={tools.unit.public_id}",
    ):
        body = text(sami.get(path))
        assert "Tools Production" in body
        assert app.client_secret not in body
        assert app.second_secret not in body
        assert "pbkdf2" not in body
    assert "oauth2_provider" not in text(sami.get(reverse("admin:index")))
