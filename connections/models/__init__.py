"""How the outside is reached: connections, their secrets, mailboxes, calendars and busy time."""

from .authorizations import HandOff, PendingAuthorization
from .busy import BusyPeriod, EventPosition
from .channels import PushChannel
from .connections import CalendarConnection, Connection, ConnectionDomain, DirectoryConnection, ScopeCheck
from .credentials import Credential, RequestBudget
from .directories import DirectoryAddress, DirectoryGroup, DirectoryPerson, DirectoryReading, DirectoryRoom
from .directory_sheets import DirectorySheet, DirectorySheetLine
from .health import HealthCheck, Notice, ReadingHour
from .mailboxes import Mailbox, MemberCalendar
from .mode_changes import ModeChange
from .personal_grants import PersonalGrant

__all__ = [
    "BusyPeriod",
    "CalendarConnection",
    "Connection",
    "ConnectionDomain",
    "Credential",
    "DirectoryAddress",
    "DirectoryConnection",
    "DirectoryGroup",
    "DirectoryPerson",
    "DirectoryReading",
    "DirectoryRoom",
    "DirectorySheet",
    "DirectorySheetLine",
    "EventPosition",
    "HandOff",
    "HealthCheck",
    "Mailbox",
    "MemberCalendar",
    "ModeChange",
    "Notice",
    "PendingAuthorization",
    "PersonalGrant",
    "PushChannel",
    "ReadingHour",
    "RequestBudget",
    "ScopeCheck",
]
