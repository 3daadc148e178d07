"""Pages for the holder of a hand-off link: one connection's set-up and nothing else."""

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from connections import directory_words, hand_offs
from connections.attempts import Purpose, Traveller
from connections.hand_offs import LinkNotUsable
from connections.models import Connection, HandOff
from connections.modes import NOTES, consequences
from connections.states import State
from orgunits.access import open_to

from .set_up import check_and_tell, leave, progress_fragment, set_up_context

SESSION_KEY = "hand_off"


def current_hand_off(request: HttpRequest) -> HandOff | None:
    """The link this browser session started with, while it is usable."""
    public_id = request.session.get(SESSION_KEY)
    if not public_id or request.session.session_key is None:
        return None
    row = HandOff.objects.filter(public_id=public_id).select_related("connection__unit", "unit").first()
    if row is None:
        return None
    try:
        hand_offs.check(row, session_key=request.session.session_key, now=timezone.now())
    except LinkNotUsable:
        return None
    return row if row.session_hash else None


def _not_usable(request: HttpRequest, problem: str) -> HttpResponse:
    return render(request, "connections/hand_off_over.html", {"problem": problem}, status=404)


@open_to("everyone")
def hand_off(request: HttpRequest, token: str) -> HttpResponse:
    """What is asked, by whom, until when; posting starts and binds the link to this browser."""
    if request.method == "POST" and request.session.session_key is None:
        request.session.create()
    try:
        row = hand_offs.usable(token, session_key=request.session.session_key or "", now=timezone.now())
        if request.method == "POST":
            if not row.session_hash and not request.user.is_authenticated:
                request.session.cycle_key()  # a session that somebody else planted here opens nothing
            hand_offs.start(row, session_key=request.session.session_key, now=timezone.now())
            request.session[SESSION_KEY] = row.public_id
            return redirect("hand_off_set_up")
    except LinkNotUsable as refused:
        return _not_usable(request, refused.problem)
    connection = row.connection
    context = {
        "hand_off": row,
        "connection": connection,
        "scopes": connection.scopes,
        **_meaning(connection),
    }
    return render(request, "connections/hand_off.html", context)


def _meaning(connection: Connection) -> dict:
    """What agreeing means, question by question."""
    provider, mode = connection.provider, connection.mode
    if connection.is_directory:
        return {"answers": directory_words.answers(provider), "notes": directory_words.NOTES[provider]}
    return {
        "answers": [(line.question, getattr(line, mode)) for line in consequences(provider)],
        "notes": NOTES[provider, mode],
    }


def hand_off_view(view: Callable) -> Callable:
    """Open a page to the holder of a started link, in the browser session that started it."""

    @open_to("everyone")
    @wraps(view)
    def guarded(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        row = current_hand_off(request)
        if row is None:
            return _not_usable(request, "unknown")
        return view(request, row, *args, **kwargs)

    return guarded


@hand_off_view
def set_up(request: HttpRequest, hand_off: HandOff) -> HttpResponse:
    """The set-up page with this holder's own addresses."""
    connection = hand_off.connection
    if connection.state == State.ACTIVE:
        hand_offs.finish(hand_off, now=timezone.now())
        request.session.pop(SESSION_KEY, None)
        return render(request, "connections/hand_off_done.html", {"connection": connection})
    links = {
        "sign_in": reverse("hand_off_sign_in"),
        "prove_administrator": reverse("hand_off_prove"),
        "consent": reverse("hand_off_consent"),
        "check_now": reverse("hand_off_check"),
        "progress": reverse("hand_off_progress"),
    }
    context = {**set_up_context(connection), "links": links, "hand_off_holder": True}
    return render(request, "connections/hand_off_set_up.html", context)


@hand_off_view
def set_up_progress(request: HttpRequest, hand_off: HandOff) -> HttpResponse:
    """The fragment that this holder's set-up page asks for again."""
    return progress_fragment(request, {**set_up_context(hand_off.connection), "hand_off_holder": True})


def _travel(request: HttpRequest, hand_off: HandOff, purpose: str) -> HttpResponse:
    who = Traveller(request.session.session_key, hand_off=hand_off)
    return leave(request, hand_off.connection, purpose, reverse("hand_off_set_up"), who)


@hand_off_view
@require_POST
def sign_in(request: HttpRequest, hand_off: HandOff) -> HttpResponse:
    return _travel(request, hand_off, Purpose.SIGN_IN)


@hand_off_view
@require_POST
def prove_administrator(request: HttpRequest, hand_off: HandOff) -> HttpResponse:
    return _travel(request, hand_off, Purpose.PROVE_ADMINISTRATOR)


@hand_off_view
@require_POST
def consent(request: HttpRequest, hand_off: HandOff) -> HttpResponse:
    if hand_off.connection.provider != Connection.Provider.MICROSOFT:
        return _not_usable(request, "unknown")
    return _travel(request, hand_off, Purpose.ADMIN_CONSENT)


@hand_off_view
@require_POST
def check_now(request: HttpRequest, hand_off: HandOff) -> HttpResponse:
    check_and_tell(request, hand_off.connection, by=hand_off)
    return redirect("hand_off_set_up")
