from django.apps import AppConfig


class ConnectionsConfig(AppConfig):
    name = "connections"

    def ready(self) -> None:
        from orgunits import audit_facts

        from .audit_words import CODES

        audit_facts.add_codes(CODES)
