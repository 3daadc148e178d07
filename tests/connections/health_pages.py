"""A connection's page with its health, as an Ops Admin opens it."""

import re

from django.test import Client
from django.urls import reverse

from tests.connecting import connect
from tests.people import make_company


class Page:
    """Olga and a working connection of her unit."""

    def __init__(self, providers, provider: str = "microsoft", mode: str = "read_write"):
        self.providers, self.company = providers, make_company()
        self.connection = connect(self.company.unit, provider, mode, providers, by=self.company.olga)
        self.client = self.signed_in(self.company.olga)

    def signed_in(self, user) -> Client:
        client = Client()
        client.force_login(user)
        return client

    def url(self, name: str) -> str:
        return reverse(name, args=[self.company.unit.slug, self.connection.public_id])

    def lines(self) -> dict:
        answer = self.client.get(self.url("connection"))
        return {line.name: line for line in answer.context["health"]}

    def words(self) -> str:
        page = self.client.get(self.url("connection")).content.decode()
        card = page.split('id="health"')[1].split("</section>")[0]
        return " ".join(re.sub(r"<[^>]+>", " ", card).split())

    def post(self, name: str, **data):
        return self.client.post(self.url(name), data, follow=True)
