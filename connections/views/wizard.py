"""Where a person is in a wizard."""

from django.utils.translation import gettext as _


def calendar_steps(current: int, urls: tuple[str, ...] = ()) -> list[dict]:
    """The steps of "Connect a calendar service"."""
    labels = [_("Who can agree"), _("Service"), _("Access mode"), _("Check"), _("Set up")]
    return _steps(labels, current, urls)


def directory_steps(current: int, urls: tuple[str, ...] = ()) -> list[dict]:
    """The steps of "Connect a directory"."""
    return _steps([_("Which directory"), _("Check"), _("Set up")], current, urls)


def file_steps(current: int, urls: tuple[str, ...] = ()) -> list[dict]:
    """The steps of "Connect a directory" that is kept by files."""
    return _steps([_("Which directory"), _("Name"), _("First file")], current, urls)


def _steps(labels: list[str], current: int, urls: tuple[str, ...]) -> list[dict]:
    """Finished steps lead back to their page in `urls`."""
    back = {n: url for n, url in enumerate(urls) if n < current}
    states = ["done"] * current + ["current"] + ["next"] * (len(labels) - current - 1)
    return [
        {"label": label, "state": state, "url": back.get(n, "")}
        for n, (label, state) in enumerate(zip(labels, states, strict=True))
    ]
