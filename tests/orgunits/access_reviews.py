"""Access reviews: begun, addressed, and how each role was decided."""

from django.urls import reverse
from django.utils import timezone

from orgunits import reviews
from orgunits.models import AccessReview, Member
from orgunits.reviews import Chosen
from tests.people import Company, Integrator


def begin(where: Company | Integrator, by) -> AccessReview:
    return reviews.begin(where.unit, by=by, now=timezone.now())


def url(review: AccessReview, name: str = "review") -> str:
    return reverse(name, args=[review.unit.slug, review.public_id])


def grant_of(member: Member, role: str) -> str:
    return member.role_grants.get(role=role).public_id


def decisions(review: AccessReview) -> dict[str, str]:
    """What stands at each row, by the member's name and the role."""
    names = dict(review.unit.members.values_list("public_id", "given_name"))
    return {f"{names[row.member]} {row.role}": reviews.mark_of(row) for row in review.rows.order_by("pk")}


def decide_all(review: AccessReview, by) -> None:
    reviews.keep_matching(review, Chosen(), by=by, now=timezone.now())
