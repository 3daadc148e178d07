"""Who is invited in journeys: a CSV file of 25 people, with three bad rows between them."""

from tests.providers.sandbox.server import SandboxServer

GUESTS = [f"guest{number}@visitors.example" for number in range(1, 26)]
BAD_ROWS = {  # line: what stands there, and what is said about it
    4: ("guest2@visitors.example,Guest,Again,", "This address stands in line 3 already."),
    9: ("guest6(at)visitors.example,Guest,Six,", "There is no address in this line."),
    20: ("boss@visitors.example,The,Boss,Boss", "There is no role “Boss”."),
}


def sheet() -> str:
    """The file; its last column is one that nobody reads."""
    good = iter(f"{address},Guest,Number {number},,555" for number, address in enumerate(GUESTS, 1))
    rows = [f"{BAD_ROWS[line][0]}," if line in BAD_ROWS else next(good) for line in range(2, 30)]
    return "\n".join(["email,first name,last name,role,phone", *rows])


def mails(server: SandboxServer) -> dict[str, list[str]]:
    """The subjects of what came in, by address."""
    found: dict[str, list[str]] = {}
    for mail in server.control("GET", "mail")["mail"]:
        for address in mail["recipients"]:
            found.setdefault(address, []).append(mail["subject"])
    return found
