"""The page behind the link of a confirmation mail: looking changes nothing, confirming takes a button."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from orgunits import identity
from orgunits.access import open_to


@open_to("everyone")
def confirm_identity(request: HttpRequest, token: str) -> HttpResponse:
    """Whose address it is said to be, and who asks; posting confirms it."""
    row = identity.found(token)
    if row is None:
        raise Http404
    problem, now = identity.problem(row, now=timezone.now()), timezone.now()
    if request.method == "POST" and not problem:
        try:
            identity.confirm(row, now=now)
        except identity.NotOpen as over:
            problem = over.problem
        else:
            return render(request, "orgunits/confirm_identity_done.html", {"confirmation": row})
    if problem:
        return render(request, "orgunits/confirm_identity_over.html", {"problem": problem}, status=410)
    return render(request, "orgunits/confirm_identity.html", {"confirmation": row})
