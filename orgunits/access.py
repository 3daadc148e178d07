"""The door: every page of a unit opens through `unit_view` or `application_view`, every other page says whom it
is open to.

One query answers who the viewer is in this unit and what they may do there, a second one what they may do with
one application. guardian's model-wide permissions and the superuser's flag open nothing here: staff look at
units through Django admin.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import wraps

from allauth.account.internal.flows.reauthentication import (
    is_reauthentication_required,
    raise_if_reauthentication_required,
)
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from .models import (
    Application,
    ApplicationUserPermission,
    Member,
    OrganizationalUnit,
    UnitGroupPermission,
)
from .roles import OPS_ADMIN, UNIT_RIGHT_FOR, roles_with

OPS_ADMINS_NAMED = 10
CLOSED = (OrganizationalUnit.State.ARCHIVED, OrganizationalUnit.State.ERASED)


@dataclass(frozen=True)
class Rule:
    """Who may open a page. `audience`: unit, application, signed_in, staff, or everyone; `right` goes with the
    first two. `any_application`: also with any right on one of the unit's applications. `fresh`: only after
    proving again who one is. `archived_too`: also in an archived unit."""

    audience: str
    right: str = ""
    own_member_too: bool = False
    fresh: bool = False
    archived_too: bool = False
    any_application: bool = False


@dataclass(frozen=True)
class Access:
    """The viewer in one unit: their member row, their rights on the unit, and whether they were chosen for any
    of its applications."""

    member: Member
    rights: frozenset[str]
    chosen_for_application: bool = False

    @property
    def opens_applications(self) -> bool:
        """Whether there is any application the viewer may see or look up states for, now or once it is made."""
        return self.may("see_applications") or self.chosen_for_application

    def may(self, right: str) -> bool:
        return right in self.rights

    def may_with(self, application: Application, right: str) -> bool:
        """Whether the viewer holds `right` on `application`, which `applications_of` or the door handed out."""
        return self.may(UNIT_RIGHT_FOR[right]) or right in application.own_rights


class Answer(Enum):
    """How a door answers somebody."""

    OPEN = "open"
    STRANGER = "stranger"  # as if there were no such unit
    WRONG_ROLE = "wrong role"
    CLOSED = "closed"  # the unit is archived


def answer_to(
    access: Access | None,
    right: str,
    application: Application | None = None,
    *,
    anyway: bool = False,
    archived_too: bool = False,
) -> Answer:
    """What the door to `right` says, on the unit or on an application that `with_own_rights` handed out.

    The doors below ask it and so does "Can X do Y to Z?": they cannot disagree. `anyway`: the page opens without
    the right, as the one about oneself does. `archived_too`: also in an archived unit.
    """
    if access is None:
        return Answer.STRANGER
    held = access.may(right) if application is None else access.may_with(application, right)
    if not (held or anyway):
        return Answer.WRONG_ROLE
    if access.member.unit.state in CLOSED and not archived_too:
        return Answer.CLOSED
    return Answer.OPEN


def access_to(user, slug: str) -> Access | None:
    """What `user` may do in the unit at `slug`; None when they are no active member of it, or cannot sign in."""
    held = _held(OuterRef("unit_id"), OuterRef("user_id")).values("permission__codename")
    chosen = ApplicationUserPermission.objects.filter(
        content_object__unit=OuterRef("unit_id"), user=OuterRef("user_id")
    )
    member = (
        Member.objects.active()
        .filter(user_id=user.pk, user__is_active=True, unit__slug=slug)
        .exclude(unit__state=OrganizationalUnit.State.ERASED)
        .select_related("unit", "user")
        .annotate(rights=ArraySubquery(held), chosen_for_application=Exists(chosen))
        .first()
    )
    if member is None:
        return None
    return Access(member, frozenset(member.rights), member.chosen_for_application)


def rights_of(member: Member) -> frozenset[str]:
    """The rights that the member's roles hold on their unit, read live from guardian's table.

    What a job asks before it acts for somebody: a suspended member and a closed unit have none.
    """
    if member.user_id is None or member.state != Member.State.ACTIVE or member.unit.state in CLOSED:
        return frozenset()
    return frozenset(_held(member.unit_id, member.user_id).values_list("permission__codename", flat=True))


def user_may(user, unit: OrganizationalUnit, right: str) -> bool:
    """Whether `user` holds `right` on `unit` now: what a job asks before it goes on with what they started."""
    member = unit.members.active().filter(user=user).select_related("unit").first() if user else None
    return member is not None and user.is_active and right in rights_of(member)


def _held(unit_id, user_id) -> QuerySet[UnitGroupPermission]:
    return UnitGroupPermission.objects.filter(content_object=unit_id, group__user=user_id)


def applications_of(access: Access, *, archived: bool = False) -> QuerySet[Application]:
    """The unit's active applications (or those archived) that the viewer may see or look up states for, each with
    the viewer's `own_rights`.

    The one place to start from for lists, counts, search and exports of applications.
    """
    rows = with_own_rights(access)
    rows = rows.filter(state=Application.State.ARCHIVED if archived else Application.State.ACTIVE)
    if access.may("see_applications"):
        return rows
    return rows.filter(~Q(own_rights=[]))


def with_own_rights(access: Access) -> QuerySet[Application]:
    """All applications of the unit, without the bytes of their logos."""
    own = ApplicationUserPermission.objects.filter(
        content_object=OuterRef("pk"), user_id=access.member.user_id
    )
    own_rights = ArraySubquery(own.values("permission__codename"))
    rows = access.member.unit.applications.annotate(own_rights=own_rights, has_logo=Q(logo__isnull=False))
    return rows.defer("logo")


def unit_view(
    right: str,
    *,
    own_member_too: bool = False,
    any_application: bool = False,
    fresh: bool = False,
    archived_too: bool = False,
) -> Callable:
    """Open a view to members of the unit in the URL who hold `right`; hands over `unit` for the slug.

    A stranger gets the 404 of a unit that does not exist. A member without the right gets a 403 that names
    the roles that have it. `own_member_too` also lets a member open the page about themselves
    (`member_id` in the URL), `any_application` a member who was chosen for an application, whichever it is.
    `fresh` asks again who one is when that was proved more than five minutes ago.
    """

    def decorate(view: Callable) -> Callable:
        @wraps(view)
        def guarded(request: HttpRequest, slug: str, **kwargs) -> HttpResponse:
            access = _enter(request, slug, kwargs)
            own = own_member_too and kwargs.get("member_id") == access.member.public_id
            chosen = any_application and access.chosen_for_application
            answer = answer_to(access, right, anyway=own or chosen, archived_too=archived_too)
            if answer != Answer.OPEN:
                return _turn_away(request, answer, "look_up_state" if any_application else right)
            if fresh:
                _prove_again(request)
            return view(request, access.member.unit, **kwargs)

        guarded.access_rule = Rule("unit", right, own_member_too, fresh, archived_too, any_application)
        return guarded

    return decorate


def application_view(right: str, *, fresh: bool = False) -> Callable:
    """Open a view to members who hold `right` on the application in the URL (`application_id`), by a grant on it
    or live by their role on the whole unit; hands over `unit` and `application`.

    Strangers and wrong roles get what `unit_view` gives them.
    """

    def decorate(view: Callable) -> Callable:
        @wraps(view)
        def guarded(request: HttpRequest, slug: str, application_id: str, **kwargs) -> HttpResponse:
            access = _enter(request, slug, {"application_id": application_id, **kwargs})
            application = with_own_rights(access).filter(public_id=application_id).first()
            if application is None:
                raise Http404
            answer = answer_to(access, right, application)
            if answer != Answer.OPEN:
                return _turn_away(request, answer, right)
            if fresh:
                _prove_again(request)
            return view(request, access.member.unit, application, **kwargs)

        guarded.access_rule = Rule("application", right, fresh=fresh)
        return guarded

    return decorate


def _enter(request: HttpRequest, slug: str, kwargs: dict) -> Access:
    """The viewer's access to the unit; Http404 for strangers and for ids that no row can have."""
    access = access_to(request.user, slug)
    if access is None or any("\0" in value for value in kwargs.values()):
        raise Http404
    request.access, request.unit = access, access.member.unit
    _mark_seen(access.member)
    return access


def _mark_seen(member: Member) -> None:
    """Keep the day on which the member was last here: one small write on their first page of a day."""
    today = timezone.now().date()
    if member.last_seen_on != today:
        Member.objects.filter(pk=member.pk).update(last_seen_on=today)


def _turn_away(request: HttpRequest, answer: Answer, right: str) -> HttpResponse:
    return _closed(request) if answer == Answer.CLOSED else refuse(request, right)


def _prove_again(request: HttpRequest) -> None:
    """Send the viewer to prove who they are, unless they just did. What they entered is put aside in their
    session and goes on afterwards; what a view marks by `sensitive_post_parameters` is not written there."""
    if hasattr(request, "sensitive_post_parameters") and is_reauthentication_required(
        request, app="orgunits"
    ):
        request.POST = QueryDict()
        messages.info(request, _("What you entered is secret and was not kept. Enter it again after this."))
    raise_if_reauthentication_required(request, app="orgunits")


def refuse(request: HttpRequest, right: str) -> HttpResponse:
    """The 403 page that says which role is needed."""
    return render(request, "403.html", {"needed_roles": roles_with(right)}, status=403)


def _closed(request: HttpRequest) -> HttpResponse:
    """The page of an archived unit: nothing else of it opens. It names who can restore it."""
    access = request.access
    admins = access.member.unit.members.active().filter(role_grants__role=OPS_ADMIN.code, user__isnull=False)
    context = {
        "may_restore": access.may("manage_unit"),
        "ops_admins": list(admins.order_by("sort_key", "pk")[:OPS_ADMINS_NAMED]),
    }
    return render(request, "orgunits/unit_closed.html", context, status=403)


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


def units_of(user, **also) -> list[OrganizationalUnit]:
    """The units in which `user` is an active member, by name; `also` is read with each, in the same query."""
    return list(
        OrganizationalUnit.objects.filter(
            members__user_id=user.pk, members__user__isnull=False, members__state=Member.State.ACTIVE
        )
        .exclude(state=OrganizationalUnit.State.ERASED)
        .annotate(**also)
        .order_by("name", "pk")
    )
