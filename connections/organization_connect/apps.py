from django.apps import AppConfig


class OrganizationConnectConfig(AppConfig):
    name = "connections.organization_connect"
    label = "organization_connect"
    default_auto_field = "django.db.models.BigAutoField"
