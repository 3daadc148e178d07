"""The door: every page of a unit opens through `unit_view`, every other page says whom it is open to.

One query answers who the viewer is in this unit and what they may do. guardian's model-wide permissions and
the superuser's flag open nothing here: staff look at units through Django admin.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

from django.contrib.auth.decorators import login_not_required
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from .models import Member, OrganizationalUnit, UnitGroupPermission
from .roles import roles_with


@dataclass(frozen=True)
class Rule:
    """Who may open a page. `audience`: unit, signed_in, staff, or everyone; `right` goes with unit."""

    audience: str
    right: str = ""
    own_member_too: bool = False


@dataclass(frozen=True)
class Access:
    """The viewer in one unit: their member row and rights."""

    member: Member
    rights: frozenset[str]

    def may(self, right: str) -> bool:
        return right in self.rights


def access_to(user, slug: str) -> Access | None:
    """What `user` may do in the unit at `slug`; None when they are no active member of it."""
    held = _held(OuterRef("unit_id"), OuterRef("user_id")).values("permission__codename")
    member = (
        Member.objects.active()
        .filter(user_id=user.pk, user__isnull=False, unit__slug=slug)
        .select_related("unit", "user")
        .annotate(rights=ArraySubquery(held))
        .first()
    )
    return Access(member, frozenset(member.rights)) if member else None


def rights_of(member: Member) -> frozenset[str]:
    """The rights that the member's roles hold on their unit, read live from guardian's table."""
    if member.user_id is None:
        return frozenset()
    return frozenset(_held(member.unit_id, member.user_id).values_list("permission__codename", flat=True))


def _held(unit_id, user_id) -> QuerySet[UnitGroupPermission]:
    return UnitGroupPermission.objects.filter(content_object=unit_id, group__user=user_id)


def unit_view(right: str, *, own_member_too: bool = False) -> Callable:
    """Open a view to members of the unit in the URL who hold `right`; hands over `unit` for the slug.

    A stranger gets the 404 of a unit that does not exist. A member without the right gets a 403 that names
    the roles that have it. `own_member_too` also lets a member open the page about themselves
    (`member_id` in the URL).
    """

    def decorate(view: Callable) -> Callable:
        @wraps(view)
        def guarded(request: HttpRequest, slug: str, **kwargs) -> HttpResponse:
            access = access_to(request.user, slug)
            if access is None or any("\0" in value for value in kwargs.values()):  # no row is called so
                raise Http404
            request.access, request.unit = access, access.member.unit
            own = own_member_too and kwargs.get("member_id") == access.member.public_id
            if not (access.may(right) or own):
                return refuse(request, right)
            return view(request, access.member.unit, **kwargs)

        guarded.access_rule = Rule("unit", right, own_member_too)
        return guarded

    return decorate


def refuse(request: HttpRequest, right: str) -> HttpResponse:
    """The 403 page that says which role is needed."""
    return render(request, "403.html", {"needed_roles": roles_with(right)}, status=403)


def open_to(audience: str) -> Callable:
    """Declare a page outside units: open to `everyone`, the `signed_in`, or `staff`."""

    def decorate(view: Callable) -> Callable:
        @wraps(view)
        def guarded(request: HttpRequest, *args, **kwargs) -> HttpResponse:
            if audience == "staff" and not request.user.is_staff:
                raise Http404
            return view(request, *args, **kwargs)

        guarded.access_rule = Rule(audience)
        return login_not_required(guarded) if audience == "everyone" else guarded

    if audience not in {"everyone", "signed_in", "staff"}:
        raise ValueError(f"nobody knows the audience {audience!r}")
    return decorate


def units_of(user) -> list[OrganizationalUnit]:
    """The units in which `user` is an active member, by name."""
    return list(
        OrganizationalUnit.objects.filter(
            members__user_id=user.pk, members__user__isnull=False, members__state=Member.State.ACTIVE
        ).order_by("name", "pk")
    )
