"""How long a session lasts, and the page that lists one's sessions and ends them."""

from time import time

from allauth.account.signals import authentication_step_completed
from allauth.usersessions.internal.flows.sessions import end_sessions
from allauth.usersessions.models import UserSession
from allauth.usersessions.views import ListUserSessionsView
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

SEEN_EVERY = 300  # seconds; not every page writes its session
_BEGAN, _SEEN = "session_began", "session_seen"


class SessionLifeMiddleware:
    """Ends a session that rested too long, or that is too old however busy it is."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest):
        if request.user.is_authenticated:
            self._look_at(request)
        return self.get_response(request)

    def _look_at(self, request: HttpRequest) -> None:
        session, now = request.session, time()
        began, seen = session.get(_BEGAN), session.get(_SEEN)
        if began is None or seen is None:
            session[_BEGAN] = session[_SEEN] = now
        elif now - seen > settings.SESSION_IDLE_SECONDS or now - began > settings.SESSION_COOKIE_AGE:
            logout(request)
            messages.info(
                request, _("You were signed out, because your session had ended. Sign in to go on.")
            )
        elif now - seen > SEEN_EVERY:
            session[_SEEN] = now


@receiver(authentication_step_completed)
def _change_session_key(sender, request: HttpRequest, user, **kwargs) -> None:
    """Who proved again who they are goes on under a new session id (OWASP ASVS 7.2.4); signing in has its own."""
    if kwargs.get("reauthenticated"):
        old = request.session.session_key
        request.session.cycle_key()
        UserSession.objects.filter(user=user, session_key=old).update(session_key=request.session.session_key)


def handle(session: UserSession) -> str:
    """What a session is called on its page: neither its key, which opens it, nor its number."""
    return salted_hmac("config.sessions", session.session_key).hexdigest()[:32]


class Sessions(ListUserSessionsView):
    """One's sessions: each can be ended, or all others at once."""

    def get_context_data(self, **kwargs) -> dict:
        context = super().get_context_data(**kwargs)
        context["rows"] = [(session, handle(session)) for session in reversed(context["sessions"])]
        return context

    def form_valid(self, form) -> HttpResponse:
        asked = self.request.POST.get("end", "")
        if not asked:
            return super().form_valid(form)
        own = UserSession.objects.filter(user=self.request.user)
        chosen = [row for row in own if constant_time_compare(handle(row), asked) and not row.is_current()]
        end_sessions(self.request, chosen)
        if chosen:
            messages.success(self.request, _("That session has ended."))
        else:
            messages.info(self.request, _("That session had ended already."))
        return super(ListUserSessionsView, self).form_valid(form)


sessions = Sessions.as_view()
