"""The OAuth clients that Google and Microsoft sign people in through: those the operator registered, or the
sandbox's own."""

from config.env import env, env_required

SANDBOX = {
    "google": ("convoke-sandbox.apps.googleusercontent.com", "sandbox-google-secret"),
    "microsoft": ("a0000001-0000-4000-8000-000000000006", "sandbox-secret-sign-in"),
}


def configured(*, sandbox: bool) -> dict[str, dict]:
    """What allauth has to know of each service that has a client. Raises where its secret is missing."""
    found = {}
    for service, (client_id, secret) in SANDBOX.items():
        prefix = f"SIGN_IN_{service.upper()}_CLIENT"
        if own := env(f"{prefix}_ID"):
            client_id, secret = own, env_required(f"{prefix}_SECRET", f"Sign-in with {service}.")
        elif not sandbox:
            continue
        found[service] = {
            "provider_class": f"config.social_sign_in.{service.title()}",
            "OAUTH_PKCE_ENABLED": True,
            "APPS": [
                {
                    "client_id": client_id,
                    "secret": secret,
                    "settings": {"tenant": env("SIGN_IN_MICROSOFT_TENANT", "organizations")},
                }
            ],
        }
    return found
