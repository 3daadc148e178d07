"""Everything that happens when nobody clicks. `manage.py sync_schedules` writes it to the queue's timetable."""

from dataclasses import dataclass

from django.db import transaction
from django_q.models import Schedule


@dataclass(frozen=True)
class Entry:
    """One line of the timetable; `cron` in UTC."""

    name: str
    job: str
    cron: str


TIMETABLE: tuple[Entry, ...] = (
    Entry("read what is due", "connections.jobs.poll_changes", "* * * * *"),
    Entry("read directories", "connections.jobs.read_directories", "* * * * *"),
    Entry("follow members who went or came back", "connections.jobs.follow_members", "* * * * *"),
    Entry("end members' own authorizations", "connections.jobs.end_grants", "* * * * *"),
    Entry("send mail that was not taken", "orgunits.jobs.send_again", "* * * * *"),
    Entry("end invitations", "orgunits.jobs.end_invitations", "*/10 * * * *"),
    Entry("forget sheets of invitations", "orgunits.jobs.forget_sheets", "45 2 * * *"),
    Entry("tell Ops Admins of changes", "connections.jobs.tell_ops_admins", "* * * * *"),
    Entry("look again at waiting connections", "connections.jobs.retry_checks", "* * * * *"),
    Entry("look again at changes of access mode", "connections.jobs.retry_mode_changes", "* * * * *"),
    Entry("keep push channels", "connections.jobs.keep_channels", "* * * * *"),
    Entry("look after connections' health", "connections.jobs.check_health", "*/5 * * * *"),
    Entry("end roles whose time is over", "orgunits.jobs.end_roles", "*/5 * * * *"),
    Entry("warn of ends", "connections.jobs.warn_of_ends", "20 6 * * *"),
    Entry("forget what is kept no longer", "connections.jobs.forget", "40 2 * * *"),
    Entry("go on with acts on many members", "orgunits.jobs.go_on_with_bulk", "*/10 * * * *"),
    Entry("forget acts on many members", "orgunits.jobs.forget_bulk", "50 2 * * *"),
    Entry("erase members removed 30 days ago", "orgunits.jobs.erase_members", "0 3 * * *"),
    Entry("follow directories", "provisioning.jobs.follow_directories", "* * * * *"),
    Entry("go on with plans and runs", "provisioning.jobs.go_on", "*/5 * * * *"),
    Entry("send welcome mails", "provisioning.jobs.send_welcomes", "* * * * *"),
    Entry("forget plans and runs", "provisioning.jobs.forget", "10 3 * * *"),
    Entry("end offboardings begun 30 days ago", "provisioning.jobs.end_offboardings", "10 3 * * *"),
    Entry("tell Ops Admins of paused runs", "provisioning.jobs.tell_ops_admins", "* * * * *"),
    Entry("follow leavers who are back", "provisioning.jobs.follow_leavers", "* * * * *"),
    Entry("erase units archived 30 days ago", "provisioning.jobs.erase_overdue_units", "20 3 * * *"),
)


@transaction.atomic
def sync_schedules() -> None:
    """Make the queue's timetable equal TIMETABLE; what is not in it is removed. Running it again is harmless."""
    Schedule.objects.exclude(name__in=[entry.name for entry in TIMETABLE]).delete()
    for entry in TIMETABLE:
        Schedule.objects.update_or_create(
            name=entry.name,
            defaults={"func": entry.job, "schedule_type": Schedule.CRON, "cron": entry.cron, "repeats": -1},
        )
