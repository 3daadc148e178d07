"""Access reviews: all grants as they stood on one day, what the reviewer decided of each, and the sign-off."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import CharField, Count, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from . import audit, grants
from .access import Access
from .models import (
    AccessReview,
    AccessReviewRow,
    Application,
    AuditName,
    Member,
    OrganizationalUnit,
    RoleGrant,
    User,
)
from .names import sort_key
from .roles import AboveOwnRole, LastOpsAdmin

Mark = AccessReviewRow.Mark
UNDECIDED = Q(mark=Mark.OPEN, grant__isnull=False)
ENDED = Q(mark=Mark.GONE) | Q(mark=Mark.OPEN, grant__isnull=True)


class AlreadyOpen(Exception):
    """A unit has one review at a time."""


class AlreadySignedOff(Exception):
    """A review that is signed off stays as it is."""


class NotDecided(Exception):
    """`left` grants of the review are neither kept nor revoked."""

    def __init__(self, left: int):
        super().__init__(left)
        self.left = left


@dataclass(frozen=True)
class Chosen:
    """What the list is narrowed to; empty values do not narrow. `unseen`: days without a visit."""

    q: str = ""
    role: str = ""
    mark: str = ""  # open, keep, revoke, gone
    unseen: int | None = None


@dataclass
class Decided:
    """How many rows were marked, and why others were not: a code for each grant's public id."""

    done: int = 0
    problems: dict[str, str] = field(default_factory=dict)


@transaction.atomic
def begin(unit: OrganizationalUnit, *, by: User, now: datetime) -> AccessReview:
    """Freeze all grants of the unit's members, by name. Raises AlreadyOpen."""
    OrganizationalUnit.objects.select_for_update().get(pk=unit.pk)
    if unit.accessreviews.filter(signed_off_at__isnull=True).exists():
        raise AlreadyOpen
    review = AccessReview.objects.create(unit=unit, begun_by=by, begun_at=now)
    audit.record(unit, "review.begun", review, by=by, now=now, grants=_freeze(review))
    return review


def _freeze(review: AccessReview) -> int:
    """One statement, so that the rows are of one moment and 50,000 of them are written in a second."""
    empty = Value("", output_field=CharField())
    values = {
        "unit": "unit",
        "review": Value(review.pk),
        "grant": "pk",
        "member": "member__public_id",
        "role": "role",
        "application": Coalesce("application__public_id", empty),
        "granted_by": Coalesce("granted_by__public_id", empty),
        "granted_at": "granted_at",
        "until": "until",
        "last_seen_on": "member__last_seen_on",
        "mark": empty,
        "marked_by": empty,
    }
    rows = RoleGrant.objects.filter(unit=review.unit_id).exclude(member__state=Member.State.REMOVED)
    ordered = rows.order_by("member__sort_key", "member_id", "pk").values_list(*values.values())
    select, parameters = ordered.query.sql_with_params()
    meta = AccessReviewRow._meta
    quote = connection.ops.quote_name
    columns = ", ".join(quote(meta.get_field(name).column) for name in values)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {quote(meta.db_table)} ({columns}) {select}", parameters)  # noqa: S608 names of ours
        return cursor.rowcount


def with_counts(reviews: QuerySet[AccessReview]) -> QuerySet[AccessReview]:
    """Each review with how many rows it has, how many are left, kept, revoked and ended by themselves."""
    undecided = Q(rows__mark=Mark.OPEN, rows__grant__isnull=False)
    ended = Q(rows__mark=Mark.GONE) | Q(rows__mark=Mark.OPEN, rows__grant__isnull=True)
    return reviews.annotate(
        total=Count("rows"),
        left=Count("rows", filter=undecided),
        kept=Count("rows", filter=Q(rows__mark=Mark.KEEP)),
        revoked=Count("rows", filter=Q(rows__mark=Mark.REVOKE)),
        ended=Count("rows", filter=ended),
    )


def rows_of(review: AccessReview, chosen: Chosen) -> QuerySet[AccessReviewRow]:
    """The rows that fit, in the order of names on the day of the review."""
    rows = review.rows.order_by("pk")
    if chosen.q:
        words = sort_key(chosen.q.strip())
        found = review.unit.members.filter(Q(sort_key__contains=words) | Q(email__contains=words))
        rows = rows.filter(member__in=found.values("public_id"))
    if chosen.role:
        rows = rows.filter(role=chosen.role)
    if chosen.mark:
        marks = {"open": UNDECIDED, "gone": ENDED}
        rows = rows.filter(marks.get(chosen.mark, Q(mark=chosen.mark)))
    if chosen.unseen:
        before = review.begun_at.date() - timedelta(days=chosen.unseen)
        rows = rows.filter(Q(last_seen_on__isnull=True) | Q(last_seen_on__lt=before))
    return rows


def with_names(rows: QuerySet[AccessReviewRow]) -> QuerySet[AccessReviewRow]:
    """The rows with what their ids are called today; who was erased has no name any more."""
    member = Member.objects.filter(unit=OuterRef("unit"), public_id=OuterRef("member"))
    application = Application.objects.filter(unit=OuterRef("unit"), public_id=OuterRef("application"))
    return rows.annotate(
        grant_id_shown=F("grant__public_id"),
        given_name=Subquery(member.values("given_name")),
        family_name=Subquery(member.values("family_name")),
        email=Subquery(member.values("email")),
        member_state=Subquery(member.values("state")),
        application_name=Subquery(application.values("name")),
        environment=Subquery(application.values("environment")),
        granted_by_name=Subquery(_name_of("granted_by")),
        marked_by_name=Subquery(_name_of("marked_by")),
    )


def _name_of(column: str) -> QuerySet:
    return AuditName.objects.filter(subject=OuterRef(column)).values("name")


def mark_of(row: AccessReviewRow) -> str:
    """The row's mark; a grant that is no longer there ended by itself unless it was decided before."""
    return Mark.GONE if row.mark == Mark.OPEN and row.grant_id is None else row.mark


@transaction.atomic
def keep(review: AccessReview, grant_ids: list[str], *, by: User, now: datetime) -> Decided:
    """Mark the rows of these grants as kept. Raises AlreadySignedOff."""
    _lock(review)
    rows = review.rows.filter(grant__public_id__in=grant_ids)
    decided = Decided(_keep(rows, by=by, now=now))
    there = set(rows.values_list("grant__public_id", flat=True))
    decided.problems = dict.fromkeys(set(grant_ids) - there, "ended")
    _record(review, by=by, now=now, kept=decided.done)
    return decided


@transaction.atomic
def keep_matching(review: AccessReview, chosen: Chosen, *, by: User, now: datetime) -> int:
    """Mark all undecided rows that fit as kept; answers how many. Raises AlreadySignedOff."""
    _lock(review)
    done = _keep(rows_of(review, chosen).filter(UNDECIDED), by=by, now=now)
    _record(review, by=by, now=now, kept=done)
    return done


def _keep(rows: QuerySet[AccessReviewRow], *, by: User, now: datetime) -> int:
    return rows.filter(mark=Mark.OPEN).update(mark=Mark.KEEP, marked_by=by.public_id, marked_at=now)


@transaction.atomic
def revoke(
    access: Access, review: AccessReview, grant_ids: list[str], *, now: datetime, why: str = ""
) -> Decided:
    """Take these roles away now, and mark their rows. What cannot be taken stays undecided, with the reason.

    Raises AlreadySignedOff.
    """
    _lock(review)
    by = access.member.user
    rows = review.rows.filter(grant__public_id__in=grant_ids).select_related(
        "grant__member__unit", "grant__member__user", "grant__application"
    )
    decided = Decided(problems=dict.fromkeys(grant_ids, "ended"))
    for row in rows.order_by("pk"):
        grant_id = row.grant.public_id
        try:
            grants.take(access, row.grant, now=now, why=why)
        except AboveOwnRole:
            decided.problems[grant_id] = "above"
        except LastOpsAdmin:
            decided.problems[grant_id] = "last_ops_admin"
        else:
            review.rows.filter(pk=row.pk).update(mark=Mark.REVOKE, marked_by=by.public_id, marked_at=now)
            decided.done += 1
            del decided.problems[grant_id]
    _record(review, by=by, now=now, revoked=decided.done)
    return decided


@transaction.atomic
def sign_off(review: AccessReview, *, by: User, now: datetime) -> None:
    """End the review: from now on it is only read. Raises NotDecided, AlreadySignedOff."""
    _lock(review)
    if left := review.rows.filter(UNDECIDED).count():
        raise NotDecided(left)
    review.rows.filter(ENDED).update(mark=Mark.GONE)
    AccessReview.objects.filter(pk=review.pk, signed_off_at__isnull=True).update(
        signed_off_by=by, signed_off_at=now
    )
    review.signed_off_by, review.signed_off_at = by, now
    marks = dict(review.rows.order_by().values_list("mark").annotate(number=Count("pk")))
    audit.record(
        review.unit,
        "review.signed_off",
        review,
        by=by,
        now=now,
        kept=marks.get(Mark.KEEP, 0),
        revoked=marks.get(Mark.REVOKE, 0),
        ended=marks.get(Mark.GONE, 0),
    )


def _lock(review: AccessReview) -> None:
    """Decisions and the sign-off wait for each other. Raises AlreadySignedOff."""
    now = AccessReview.objects.select_for_update(of=("self",)).get(pk=review.pk)
    if now.signed_off_at is not None:
        raise AlreadySignedOff


def _record(review: AccessReview, *, by: User, now: datetime, **counts: int) -> None:
    if any(counts.values()):
        audit.record(review.unit, "review.decided", review, by=by, now=now, **counts)
