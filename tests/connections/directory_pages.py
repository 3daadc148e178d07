"""Looking at the pages of directories."""

from django.test import Client
from django.urls import reverse

from connections.models import Connection
from tests.people import Company


def address(name: str, company: Company, *args: str) -> str:
    return reverse(name, args=[company.unit.slug, *args])


def page(client: Client, name: str, connection: Connection, query: str = "") -> str:
    """What stands on this page of a connection."""
    answer = client.get(reverse(name, args=[connection.unit.slug, connection.public_id]) + query)
    assert answer.status_code == 200
    return answer.content.decode()
