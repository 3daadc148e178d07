"""How often a person may do what costs others something: mails, exports. Counted in the shared cache."""

from allauth.core.internal.ratelimit import consume
from allauth.core.ratelimit import respond_429
from django.http import HttpRequest, HttpResponse

# allauth's notation: number/period/whom it is counted for
RATES = {
    "invitations": "20/m/user,200/d/user",  # sheets and single invitations sent off, whatever their length
    "identity": "20/m/user,3/d/key",  # key: the member asked
    "exports": "10/m/user",
    "checks": "10/m/user,20/m/key",  # key: the connection that is looked at
    "readings": "20/m/user,4/m/key",  # key: the member whose calendar is read, or the connection
    "look_ups": "30/m/user",
    "plans": "20/m/user,6/m/key",  # key: the directory
    "units": "10/d/user",
    "uploads": "10/m/user",  # files of a directory
}


def within(request: HttpRequest, action: str, *, key: str | None = None) -> bool:
    """Count one `action` of RATES for the viewer; answers whether it was still within its rate."""
    usage = consume(
        request, app="orgunits", action=action, config=RATES, key=key, user=request.user, limit_get=True
    )
    return bool(usage)


def refuse(request: HttpRequest) -> HttpResponse:
    """The page with status 429: too often, go on in a while."""
    return respond_429(request)
