from django.apps import AppConfig


class ProvisioningConfig(AppConfig):
    name = "provisioning"

    def ready(self) -> None:
        from orgunits import audit_facts

        from .clauses import WORDS

        audit_facts.add_codes({"clause": WORDS})
