"""People as they stand in lists: name and address, apart from each other even when the name is hostile."""

from django.template.loader import render_to_string

from .library import component


def initials(name: str) -> str:
    """Up to two letters for the round mark beside a name: first and last word; nothing where no letter is."""
    words = [word for word in name.replace("@", " ").split() if word[0].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


@component
def person(name: str, *, address: str = "", url: str = "", note: str = "") -> str:
    """A person: round mark, name (linked with `url`), address, and a short `note`."""
    name = str(name)
    values = {"initials": initials(name), "name": name, "url": url, "note": note}
    return render_to_string(
        "components/person.html", {**values, "address": address if address != name else ""}
    )


@component
def initials_of(user) -> str:
    """The letters of a signed-in person's round mark."""
    return initials(str(user))
