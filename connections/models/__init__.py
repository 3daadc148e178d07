"""How the outside is reached: connections, their secrets, mailboxes, calendars and busy time."""

from .authorizations import HandOff, PendingAuthorization
from .busy import BusyPeriod, EventPosition
from .connections import CalendarConnection, ConnectionDomain, ScopeCheck
from .credentials import Credential, RequestBudget
from .mailboxes import Mailbox, MemberCalendar

__all__ = [
    "BusyPeriod",
    "CalendarConnection",
    "ConnectionDomain",
    "Credential",
    "EventPosition",
    "HandOff",
    "Mailbox",
    "MemberCalendar",
    "PendingAuthorization",
    "RequestBudget",
    "ScopeCheck",
]
