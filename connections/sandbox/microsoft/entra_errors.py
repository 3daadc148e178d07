"""Entra's sign-in and token errors: code, OAuth error name, HTTP status and text.

https://learn.microsoft.com/entra/identity-platform/reference-error-codes. The body always carries error_codes,
timestamp, trace_id, correlation_id and error_uri; a program branches on `error`, a person is shown the code.
"""

import uuid
from datetime import UTC, datetime

from flask import Response, jsonify

# code: (error, HTTP status of the token address, text)
ERRORS = {
    28002: (
        "invalid_scope",
        400,
        "Provided value for the input parameter scope '{scope}' is not valid when requesting an access token."
        " Please specify a valid scope.",
    ),
    50011: (
        "invalid_request",
        400,
        "The redirect URI '{redirect_uri}' specified in the request does not match the redirect URIs"
        " configured for the application '{app}'.",
    ),
    50020: (
        "invalid_grant",
        400,
        "User account '{account}' does not exist in tenant '{tenant}' and cannot access the application"
        " '{app}' in that tenant.",
    ),
    50034: ("invalid_grant", 400, "The user account {account} does not exist in the {tenant} directory."),
    50148: (
        "invalid_grant",
        400,
        "The code_verifier does not match the code_challenge supplied in the authorization request for PKCE.",
    ),
    53003: (
        "interaction_required",
        400,
        "Access has been blocked by Conditional Access policies. The access policy does not allow token"
        " issuance.",
    ),
    54005: (
        "invalid_grant",
        400,
        "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing"
        " refresh token.",
    ),
    65001: (
        "invalid_grant",
        400,
        "The user or administrator has not consented to use the application with ID '{app}'. Send an"
        " interactive authorization request for this user and resource.",
    ),
    65004: ("consent_required", 400, "User declined to consent to access the app."),
    70000: (
        "invalid_grant",
        400,
        "The provided authorization code is invalid or was issued to another client.",
    ),
    70001: ("unauthorized_client", 400, "The application named {app} is disabled in the tenant {tenant}."),
    70003: ("unsupported_grant_type", 400, "The app requested an unsupported grant type '{grant_type}'."),
    70008: ("invalid_grant", 400, "The provided authorization code has expired. Send a new request."),
    70011: (
        "invalid_scope",
        400,
        "The provided request must include a 'scope' input parameter. The provided value for the input"
        " parameter 'scope' is not valid. The scope {scope} is not valid.",
    ),
    90002: (
        "invalid_request",
        400,
        "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into"
        " the correct cloud.",
    ),
    90033: ("temporarily_unavailable", 503, "A transient error has occurred. Please try again."),
    90055: ("temporarily_unavailable", 429, "There are too many incoming requests for this tenant."),
    90094: (
        "access_denied",
        400,
        "An administrator of {tenant} has set a policy that prevents you from granting {app} the permissions"
        " it is requesting. Contact an administrator of {tenant}, who can grant permissions to this app on"
        " your behalf.",
    ),
    700016: (
        "unauthorized_client",
        400,
        "Application with identifier '{app}' was not found in the directory '{tenant}'. This can happen if the"
        " application has not been installed by the administrator of the tenant or consented to by any user"
        " in the tenant. You may have sent your authentication request to the wrong tenant.",
    ),
    700027: (
        "invalid_client",
        401,
        "The certificate with identifier used to sign the client assertion is not registered on application.",
    ),
    900144: (
        "invalid_request",
        400,
        "The request body must contain the following parameter: '{parameter}'.",
    ),
    7000112: ("unauthorized_client", 400, "Application '{app}' is disabled."),
    7000215: (
        "invalid_client",
        401,
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret"
        " value, not the client secret ID, for a secret added to app '{app}'.",
    ),
    7000222: (
        "invalid_client",
        401,
        "The provided client secret keys for app '{app}' are expired. Visit the Azure portal to create new"
        " keys for your app: https://aka.ms/NewClientSecret",
    ),
    9001023: (
        "invalid_request",
        400,
        "The grant type is not supported over the /common or /consumers endpoints. Please use the"
        " /organizations or tenant-specific endpoint.",
    ),
    9002313: ("invalid_request", 400, "Invalid request. Request is malformed or invalid."),
}


class EntraError(Exception):
    """An error that Entra reports; `code` is its AADSTS number, the other words fill its text."""

    def __init__(self, code: int, *, error: str | None = None, **words: str) -> None:
        name, self.status, text = ERRORS[code]
        self.code = code
        self.error = error or name
        self.text = text.format_map(_Blank(words))
        super().__init__(f"AADSTS{code}: {self.text}")

    def description(self) -> str:
        """The text with the lines that Entra adds for its support."""
        now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}"
        return (
            f"AADSTS{self.code}: {self.text} Trace ID: {uuid.uuid4()} Correlation ID: {uuid.uuid4()}"
            f" Timestamp: {now}"
        )

    def response(self, correlation_id: str | None = None) -> Response:
        """The answer of the token address, as JSON."""
        now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}"
        trace, correlation = str(uuid.uuid4()), correlation_id or str(uuid.uuid4())
        body = {
            "error": self.error,
            "error_description": f"AADSTS{self.code}: {self.text} Trace ID: {trace}"
            f" Correlation ID: {correlation} Timestamp: {now}",
            "error_codes": [self.code],
            "timestamp": now,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.code}",
        }
        if self.code == 65001:
            body["suberror"] = "consent_required"
        answer = jsonify(body)
        answer.status_code = self.status
        return answer


class _Blank(dict):
    def __missing__(self, key: str) -> str:
        return f"<{key}>"
