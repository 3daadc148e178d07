"""A new key or client secret for a connection that works, or that stopped because the old one did."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from connections import key_rotation
from connections.forms import NewKeyForm, NewSecretForm
from connections.models import Connection
from connections.reasons import reason
from connections.states import State
from orgunits.access import unit_view
from orgunits.models import OrganizationalUnit

from .common import connection_of
from .set_up import checked_too_often


@sensitive_post_parameters()
@unit_view("manage_connections", fresh=True)
def key_rotate(request: HttpRequest, unit: OrganizationalUnit, connection_id: str) -> HttpResponse:
    """Tried first, kept only if it works. The installation's key is changed by whoever operates it."""
    connection = connection_of(unit, connection_id)
    asked = connection.scopes.organization
    if not asked or connection.personal or connection.state == State.DISCONNECTED:
        raise Http404
    google = connection.provider == Connection.Provider.GOOGLE
    form = (NewKeyForm if google else NewSecretForm)(request.POST or None)
    if connection.credential is not None and form.is_valid():
        now, data = timezone.now(), form.cleaned_data
        if checked_too_often(connection, now=now):
            form.add_error(None, _("This was checked many times just now. Try again in a minute."))
        else:
            try:
                done = key_rotation.rotate(
                    connection, data["secret"], ends_on=data["ends_on"], by=request.user, now=now
                )
            except key_rotation.NotAdopted as refused:
                form.add_error("secret", _words(refused, connection))
            else:
                messages.success(request, _told(done))
                return redirect(connection)
    context = {"connection": connection, "form": form, "google": google, "why": reason("key_of_installation")}
    return render(request, "connections/key_rotate.html", context, status=422 if form.errors else 200)


def _words(refused: key_rotation.NotAdopted, connection: Connection) -> str:
    """What the trial found, on which connection, and that nothing changed."""
    why = reason(refused.reason)
    said = f"{why.sentence} {why.todo}".strip()
    if refused.connection is not None and refused.connection != connection:
        said = _("Tried on %(connection)s: %(said)s") % {"connection": refused.connection, "said": said}
    return _("%(said)s Nothing was changed: the old one stays.") % {"said": said}


def _told(done: key_rotation.Rotated) -> str:
    if done.back:
        return _("The new one works and replaces the old one. What had stopped is being read again.")
    return _("The new one works and replaces the old one. You can delete the old one at the provider.")
