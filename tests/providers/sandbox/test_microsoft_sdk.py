"""Microsoft's own client library against the sandbox: what it sends is understood, what it gets it can read."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import pytest
from kiota_abstractions.authentication import AccessTokenProvider, AllowedHostsValidator
from kiota_abstractions.authentication.base_bearer_token_authentication_provider import (
    BaseBearerTokenAuthenticationProvider,
)
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.attendee import Attendee
from msgraph.generated.models.date_time_time_zone import DateTimeTimeZone
from msgraph.generated.models.email_address import EmailAddress
from msgraph.generated.models.event import Event
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.online_meeting import OnlineMeeting
from msgraph.generated.models.online_meeting_provider_type import OnlineMeetingProviderType
from msgraph.generated.users.item.calendar.get_schedule.get_schedule_post_request_body import (
    GetSchedulePostRequestBody,
)
from msgraph.generated.users.item.calendar_view.delta.delta_request_builder import DeltaRequestBuilder
from msgraph.generated.users.item.events.item.cancel.cancel_post_request_body import CancelPostRequestBody
from msgraph.generated.users.users_request_builder import UsersRequestBuilder

from .microsoft_client import ADMIN, EMPLOYEE, Graph

# The library warns about classes it uses itself.
pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning")


class FixedToken(AccessTokenProvider):
    """Gives the token the test has fetched."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def get_authorization_token(self, uri: str, _context: dict[str, Any] | None = None) -> str:
        return self._token

    def get_allowed_hosts_validator(self) -> AllowedHostsValidator:
        return AllowedHostsValidator(["127.0.0.1"])


def client(sandbox, name: str) -> GraphServiceClient:
    """The library, signed in as a registration, pointed at the sandbox."""
    provider = BaseBearerTokenAuthenticationProvider(FixedToken(Graph(sandbox, name).token))
    adapter = GraphRequestAdapter(provider)
    adapter.base_url = sandbox.host("graph.microsoft.com/v1.0")
    return GraphServiceClient(request_adapter=adapter)


def at(text: str) -> DateTimeTimeZone:
    return DateTimeTimeZone(date_time=text, time_zone="Pacific Standard Time")


def test_a_round_over_a_calendar_view_and_the_next(sandbox):
    graph = client(sandbox, "calendar-read-write")

    async def rounds():
        query = DeltaRequestBuilder.DeltaRequestBuilderGetQueryParameters(
            start_date_time="2026-08-01T00:00:00Z", end_date_time="2026-09-01T00:00:00Z"
        )
        asked = RequestConfiguration(query_parameters=query)
        asked.headers.add("Prefer", "odata.maxpagesize=5")
        view = graph.users.by_user_id(ADMIN).calendar_view.delta
        page = await view.get(request_configuration=asked)
        found = list(page.value)
        while page.odata_next_link:
            page = await view.with_url(page.odata_next_link).get()
            found += page.value
        day = {"start": "2026-08-05T10:00:00+00:00", "end": "2026-08-05T11:00:00+00:00"}
        sandbox.control("POST", f"mailboxes/{ADMIN}/events", summary="new", **day)
        changes = await view.with_url(page.odata_delta_link).get()
        return found, changes.value

    found, changes = asyncio.run(rounds())
    assert len(found) > 10
    assert all(one.start.date_time and one.show_as for one in found if one.type.value == "singleInstance")
    assert [one.subject for one in changes] == ["new"]


def test_schedules(sandbox):
    graph = client(sandbox, "calendar-free-busy")
    asked = GetSchedulePostRequestBody(
        schedules=[ADMIN, "nobody@sigs.example"],
        start_time=at("2026-08-03T00:00:00"),
        end_time=at("2026-08-08T00:00:00"),
        availability_view_interval=30,
    )
    answer = asyncio.run(graph.users.by_user_id(ADMIN).calendar.get_schedule.post(asked))
    first, second = answer.value
    assert first.schedule_items
    assert first.working_hours.time_zone.name == "W. Europe Standard Time"
    assert second.error.response_code == "ErrorMailRecipientNotFound"


def test_users_page_by_page(sandbox):
    graph = client(sandbox, "directory")

    async def everybody():
        query = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters(
            select=["id", "mail", "accountEnabled", "userType"], top=100
        )
        page = await graph.users.get(request_configuration=RequestConfiguration(query_parameters=query))
        found = list(page.value)
        while page.odata_next_link:
            page = await graph.users.with_url(page.odata_next_link).get()
            found += page.value
        return found

    users = asyncio.run(everybody())
    assert len([one for one in users if one.account_enabled and one.user_type == "Member"]) == 217


def test_the_organization_rooms_and_a_users_round(sandbox):
    graph = client(sandbox, "directory")

    async def read():
        organization = await graph.organization.get()
        rooms = await graph.places.graph_room.get()
        users = await graph.users.delta.get()
        return organization.value, rooms.value, users.value

    organization, rooms, users = asyncio.run(read())
    assert [one.name for one in organization[0].verified_domains if one.is_default] == ["sigs.example"]
    assert {one.capacity for one in rooms} == {2, 4, 8, 12}
    assert len(users) == 100


def test_an_event_with_a_teams_link_is_created_changed_and_cancelled(sandbox):
    graph = client(sandbox, "calendar-read-write")
    event = Event(
        subject="Interview",
        start=at("2026-08-05T09:00:00"),
        end=at("2026-08-05T09:30:00"),
        attendees=[Attendee(email_address=EmailAddress(address=EMPLOYEE), type="required")],
        is_online_meeting=True,
        online_meeting_provider=OnlineMeetingProviderType.TeamsForBusiness,
        transaction_id="booking-1",
    )

    async def live():
        events = graph.users.by_user_id(ADMIN).events
        made = await events.post(event)
        one = events.by_event_id(made.id)
        changed = await one.patch(Event(subject="Second interview"))
        await one.cancel.post(CancelPostRequestBody(comment="Sorry"))
        with pytest.raises(ODataError) as gone:
            await one.get()
        return made, changed, gone.value

    made, changed, gone = asyncio.run(live())
    assert made.online_meeting.join_url.startswith("https://teams.microsoft.com/")
    assert (changed.subject, changed.transaction_id) == ("Second interview", "booking-1")
    assert (gone.response_status_code, gone.error.code) == (404, "ErrorItemNotFound")


def test_an_online_meeting(sandbox):
    oid = Graph(sandbox, "directory").get(f"/users/{ADMIN}")["id"]
    graph = client(sandbox, "conferencing")
    meeting = OnlineMeeting(
        subject="Interview",
        start_date_time=datetime.fromisoformat("2026-08-05T10:00:00+00:00"),
        end_date_time=datetime.fromisoformat("2026-08-05T11:00:00+00:00"),
    )
    made = asyncio.run(graph.users.by_user_id(oid).online_meetings.post(meeting))
    assert made.join_web_url
    assert made.start_date_time == meeting.start_date_time
