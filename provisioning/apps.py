from django.apps import AppConfig


class ProvisioningConfig(AppConfig):
    name = "provisioning"

    def ready(self) -> None:
        from connections.own_data import PARTS
        from orgunits import audit_facts

        from .clauses import WORDS
        from .own_data import by_rule

        audit_facts.add_codes({"clause": WORDS})
        PARTS["people_by_rule"] = by_rule
