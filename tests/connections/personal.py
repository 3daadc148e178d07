"""Members who let us read their own calendar, over real HTTP to the sandbox but without a browser."""

from datetime import datetime

from django.utils import timezone

from connections import personal_authorization
from connections.attempts import Traveller
from connections.models import CalendarConnection, PersonalGrant
from connections.personal_grants import create_personal_connection
from orgunits import roles
from orgunits.members import add_member
from orgunits.models import Member
from tests.connecting import answer_provider_page
from tests.people import Company, make_company, make_user

GRACE, BENNO = "chukwuma.sharma16@kube.example", "benedikt.petrov63@kube.example"


class Personal:
    """A company whose Google connection is authorized member by member; Grace is one of them."""

    def __init__(self, providers, mode: str = "free_busy"):
        self.providers, self.now = providers, timezone.now()
        self.company: Company = make_company()
        self.unit = self.company.unit
        self.grace = self.member(GRACE, "Grace")
        self.connection: CalendarConnection = create_personal_connection(
            self.unit, mode, declared_domains=["kube.example"], by=self.company.olga, now=self.now
        )

    def member(self, address: str, name: str) -> Member:
        user = make_user(name, f"{name.lower()}@sign-in.example")
        return add_member(
            self.unit, address, by=self.company.olga, now=self.now, user=user, role=roles.EMPLOYEE.code
        )

    def begin(self, member: Member, *, session: str = "", now: datetime | None = None) -> str:
        who = Traveller(session or f"session of {member.pk}", user=member.user)
        return personal_authorization.begin(self.connection, member, traveller=who, now=now or self.now)

    def come_back(self, member: Member, back: dict, *, session: str = "", now=None) -> PersonalGrant:
        return personal_authorization.complete(
            state=back.get("state", ""),
            code=back.get("code", ""),
            error=back.get("error", ""),
            traveller=Traveller(session or f"session of {member.pk}", user=member.user),
            now=now or self.now,
        )

    def grant(self, member: Member | None = None, *, account: str = "") -> PersonalGrant:
        """The whole trip: to Google, agreed there as `account` (the member's own), and back."""
        member = member or self.grace
        return self.come_back(member, answer_provider_page(self.begin(member), account or member.email))

    def at_google(self) -> list[str]:
        """The addresses of everybody who granted the portal something, as Google knows it."""
        return [grant["address"] for grant in self.providers.control("GET", "google/grants")["grants"]]
