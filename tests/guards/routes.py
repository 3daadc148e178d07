"""Every address of the portal, read from the resolver, and two units alike to try them on."""

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.http import HttpResponse
from django.urls import URLResolver, get_resolver, reverse
from django.utils import timezone

from connections import calendar_connections, calendars, domains, mailboxes
from connections.models import (
    CalendarConnection,
    Connection,
    MemberCalendar,
    ModeChange,
)
from connections.providers.base import CalendarInfo
from orgunits import bulk, reviews, roles
from orgunits.access import Rule, access_to
from orgunits.applications import reserve
from orgunits.invitation_plans import keep_sheet
from orgunits.invitations import invite
from orgunits.members import add_member
from orgunits.models import Application, Member, OrganizationalUnit, User
from provisioning import offboarding
from tests.directories import make_file_directory, make_read_directory, make_sheet
from tests.people import MICROSOFT_TENANT, Company, make_application, make_user
from tests.provisioning.pages import make_item, make_plan, make_rule
from tests.provisioning.paused import make_run


@dataclass(frozen=True)
class Route:
    """One pattern of the resolver."""

    path: str
    name: str
    view: Callable

    @property
    def rule(self) -> Rule | None:
        return getattr(self.view, "access_rule", None)

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"<(?:\w+:)?(\w+)>", self.path)


def routes(patterns: list | None = None) -> list[Route]:
    """All of them, third parties' included; or those of other `patterns`."""
    return list(_walk(get_resolver().url_patterns if patterns is None else patterns, ""))


def _walk(patterns: list, before: str) -> Iterator[Route]:
    for pattern in patterns:
        path = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, path)
        else:
            yield Route(path, pattern.name or "", pattern.callback)


def routes_of(*audiences: str) -> list[Route]:
    return [route for route in routes() if route.rule is not None and route.rule.audience in audiences]


# Pages of a directory that is kept by files.
_OF_FILES = (
    "directory_upload",
    "directory_file",
    "directory_file_progress",
    "directory_file_discard",
    "directory_file_errors",
)


@dataclass
class Furnished:
    """A unit with one of everything that has an address."""

    unit: OrganizationalUnit
    google: CalendarConnection
    microsoft: CalendarConnection
    elsewhere: CalendarConnection  # No Access
    directory: Connection  # with a person, a group and a room
    file_directory: Connection  # with a file that waits to be looked at
    member: Member
    calendar: MemberCalendar
    application: Application
    second_application: Application  # nobody is chosen for it
    people: dict[str, User]  # one of each role, by the role's code

    def values(self, route: Route) -> dict[str, str]:
        """What stands in the address for this unit's own things."""
        others = {"consent": self.microsoft, "domain_remove": self.elsewhere, "identities": self.elsewhere}
        others |= dict.fromkeys(("mode_consent", "mode_key", "mode_key_shared"), self.microsoft)
        others |= dict.fromkeys(_OF_FILES, self.file_directory)
        of_directories = ("/directories/<", "/people/<")
        usual = self.directory if any(part in route.path for part in of_directories) else self.google
        connection = others.get(route.name, usual)
        own = {
            **self._names,
            "connection_id": connection.public_id,
            "domain": self._domains.get(connection.pk, ""),
            "change_id": self._changes.get(connection.pk, ""),
        }
        return {name: own[name] for name in route.parameters}

    @cached_property
    def _names(self) -> dict[str, str]:
        return {
            "slug": self.unit.slug,
            "member_id": self.member.public_id,
            "application_id": self.application.public_id,
            "run_id": self.unit.bulkruns.get().public_id,
            "prn_id": self.unit.provisioningruns.get().public_id,
            "leaver_id": self.unit.offboardings.get().public_id,
            "review_id": self.unit.accessreviews.get().public_id,
            "invitation_id": self.unit.invitations.get().public_id,
            "sheet_id": self.unit.invitationsheets.get().public_id,
            "file_id": self.unit.directory_sheets.get().public_id,
            "rule_id": self.unit.provisioningrules.get().public_id,
            "plan_id": self.unit.plans.get(state="ready").public_id,
            "provider": "google",
            "mode": "free_busy",
        }

    @cached_property
    def _changes(self) -> dict[int, str]:
        return dict(self.unit.mode_changes.values_list("connection", "public_id"))

    @cached_property
    def _domains(self) -> dict[int, str]:
        connections = (self.google, self.microsoft, self.elsewhere)
        return {connection.pk: connection.domains.first().domain for connection in connections}


def furnish(unit: OrganizationalUnit, by: User, *, word: str) -> Furnished:
    """Connections, a member and a calendar; `word` is in every name, to be recognized on a page."""
    now = timezone.now()
    made = []
    for provider, mode, tenant in (
        ("google", "free_busy", f"{word}.example"),
        ("microsoft", "read_write", MICROSOFT_TENANT),
        ("none", "no_access", ""),
    ):
        row = calendar_connections.create_connection(unit, provider, mode, by=by, now=now)
        domains.add_domain(row, f"{provider}-{word}.example", by=by, now=now)
        CalendarConnection.objects.filter(pk=row.pk).update(
            tenant=tenant,
            administrator=f"admin@{word}.example" if tenant else "",
            proof="administrator" if tenant else "",
            state="pending" if tenant else "active",
            connected_at=now,
        )
        row.refresh_from_db()
        made.append(row)
    member = add_member(
        unit, f"{word}@none-{word}.example", by=by, now=now, given_name=word.title(), department=word
    )
    mailboxes.assign(unit, now=now)
    member.refresh_from_db()
    mailboxes.set_override(member, made[0], by=by, now=now)
    member.refresh_from_db()
    calendars.link_calendars(
        member.mailbox, [CalendarInfo("primary", f"{word} plans", primary=True)], now=now
    )
    applications = [make_application(unit, environment) for environment in ("staging", "production")]
    for application in applications:
        Application.objects.filter(pk=application.pk).update(
            name=f"{word} {application.environment}", logo=b"png"
        )
        application.refresh_from_db()
    people = {roles.OPS_ADMIN.code: by}
    for role in roles.ROLES.values():
        if role.code not in people:
            people[role.code] = _person(unit, role, applications[0], by=by, word=word)
    bulk.prepare(access_to(by, unit.slug), unit.members.filter(pk=member.pk), "suspend", now=now)
    invite(unit, f"invited@{word}.example", role="employee", by=by, now=now, given_name=word.title())
    keep_sheet(unit, f"pasted@{word}.example", default_role="employee", by=by, now=now)
    reviews.begin(unit, by=by, now=now)
    for row, other in ((made[0], "read_write"), (made[1], "free_busy")):
        ModeChange.objects.create(unit=unit, connection=row, from_mode=row.mode, to_mode=other, started_by=by)
    directory = make_read_directory(unit, by=by, word=word, member=member)
    by_file = make_file_directory(unit, by=by, label=f"{word}.example")
    make_sheet(
        by_file, f"email,given_name\n{word}@file-{word}.example,{word.title()}\nbad,{word.title()}\n", by=by
    )
    make_run(directory, member, by=by)
    left = add_member(unit, f"left@none-{word}.example", by=by, now=now, given_name=word.title())
    offboarding.begin(left, by=by, now=now, connection=directory, settle=False)
    _follow(directory, word=word, member=member)
    return Furnished(
        unit, *made, directory, by_file, member, member.mailbox.calendars.get(), *applications, people
    )


def _follow(directory: Connection, *, word: str, member: Member) -> None:
    """A rule, and a plan with one conflict that somebody can decide."""
    rule = make_rule(directory, f"{word} rule")
    make_item(
        make_plan(directory),
        "conflict",
        "adoption_waits",
        person=directory.directory_people.get(),
        member=member,
        rule=rule,
    )


def _person(
    unit: OrganizationalUnit, role: roles.Role, application: Application, *, by: User, word: str
) -> User:
    """Somebody who signs in and holds `role`; on `application` where the role names one."""
    now = timezone.now()
    user = make_user(role.code, f"{role.code}@{word}.example")
    on_unit = roles.EMPLOYEE if role.on_application else role
    member = add_member(unit, user.email, by=by, now=now, user=user, role=on_unit.code)
    if role.on_application:
        roles.grant_role(member, role.code, by=by, now=now, application=application)
    return user


@dataclass
class House:
    """Two furnished units that have nothing to do with each other, and who lives there."""

    company: Company
    own: Furnished
    other: Furnished


def build_house(company: Company) -> House:
    return House(
        company,
        furnish(company.unit, company.olga, word="ours"),
        furnish(company.stranger_unit, company.sven, word="zzstranger"),
    )


def nonexistent(values: dict[str, str], name: str) -> dict[str, str]:
    """The same address with something that never existed in place of `name`."""
    made_up = {
        "slug": f"nobody-{secrets.token_hex(4)}",
        "connection_id": f"con_{secrets.token_hex(12)}",
        "member_id": f"mem_{secrets.token_hex(12)}",
        "application_id": f"app_{secrets.token_hex(12)}",
        "invitation_id": f"inv_{secrets.token_hex(12)}",
        "sheet_id": f"sht_{secrets.token_hex(12)}",
        "file_id": f"file_{secrets.token_hex(12)}",
        "prn_id": f"prn_{secrets.token_hex(12)}",
        "leaver_id": f"off_{secrets.token_hex(12)}",
        "run_id": f"run_{secrets.token_hex(12)}",
        "review_id": f"rev_{secrets.token_hex(12)}",
        "change_id": f"chg_{secrets.token_hex(12)}",
        "rule_id": f"rul_{secrets.token_hex(12)}",
        "plan_id": f"pln_{secrets.token_hex(12)}",
        "domain": f"{secrets.token_hex(6)}.example",
    }
    return {**values, name: made_up[name]}


def address(route: Route, values: dict[str, str]) -> str:
    return reverse(route.name, kwargs=values)


def good_input(route: Route, of: Furnished) -> dict[str, str | list[str]]:
    """What a person would enter there."""
    key = Path(settings.SANDBOX_HOME) / "service-accounts" / "kube-community.json"
    words = {"name": "Tool", "publisher": "Us", "redirect_uris": "https://fresh.example/cb"}
    inputs: dict[str, dict] = {
        "domain_add": {"domain": "fresh.example"},
        "key_add": {"key_json": key.read_text() if key.exists() else ""},
        "key_rotate": {"secret": key.read_text() if key.exists() else "", "ends_on": ""},
        "connection_probes": {"test_mailbox": "", "second_administrator": ""},
        "secret_end": {"ends_on": ""},
        "mode_key": {"client_id": str(uuid4()), "client_secret": "a secret"},
        "directory_check": {"administrator": "yes", "extras": ["groups"]},
        "connect_members": {"domains": "fresh.example"},
        "choose_calendars": {"calendar": of.calendar.public_id},
        "invite": {"addresses": "fresh@fresh.example", "role": "employee"},
        "invitation_sheet": {"digest": of.unit.invitationsheets.get().digest},
        "member_address": {"email": "another@fresh.example"},
        "choose_connection": {"connection": of.elsewhere.public_id},
        "bulk_new": {"act": "suspend", "member": of.member.public_id, "whom": "ticked"},
        "member_roles": {"role": "coordinator"},
        "run_approve": {"digest": "d" * 64, "typed_name": of.unit.name},
        "run_keep": {"keep_until": "2030-01-31"},
        "leaver_undo": {"keep_until": "2030-01-31"},
        "application_new": {
            **words,
            "environment": "staging",
            "reserved": reserve(of.unit, of.people["ops_admin"]),
        },
        "application_edit": {**words, "seen": of.application.updated.isoformat()},
        "application_logo_change": {"seen": of.application.updated.isoformat()},
        "application_logo_remove": {"seen": of.application.updated.isoformat()},
        "application_secrets": {"act": "make", "seen": of.application.updated.isoformat()},
        "application_people": {"member": of.member.public_id, "role": "developer"},
        "rule_new": _RULE,
        "rule_edit": _RULE,
        "rule_switch": {"active": "off"},
        "policy": {"share": "10", "floor": "1", "most": "50"},
        "plan_decide": {"whom": "all", "same": "no"},
        "member_names": {"given_name": "Emma", "family_name": "Other", "department": "Sales"},
        "member_settings": {
            "time_zone": "Europe/Berlin",
            "starts": "09:00",
            "ends": "17:00",
            "days": ["mon", "tue"],
        },
    }
    return inputs.get(route.name, {})


_RULE = {
    "name": "Everybody",
    "order": "1",
    "kind": "everybody",
    "role": "employee",
    "time_zone": "",
    "welcome": "off",
    "on_leaving": "suspend",
}

# What differs from answer to answer and says nothing: CSRF tokens, in forms and for htmx.
_TOKENS = re.compile(
    rb'(csrfmiddlewaretoken" value="|X-CSRFToken&quot;: &quot;|X-CSRFToken": ")[A-Za-z0-9]{64}'
)


def whole(answer: HttpResponse, *hidden: str) -> tuple:
    """All that a stranger could compare: status, headers, body; without tokens and the `hidden` words."""
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    body = _TOKENS.sub(rb"\1", body)
    headers = {
        name: value
        for name, value in answer.headers.items()
        if name not in {"Content-Length", "X-Request-ID"}
    }
    text = (body.decode(), str(sorted(headers.items())))
    for word in hidden:
        text = tuple(part.replace(word, "…") for part in text)
    return (answer.status_code, *text)
