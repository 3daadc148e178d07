"""Google's error answers.

API calls answer {"error": {"code", "message", "errors": [...], "status"}}
(https://developers.google.com/workspace/calendar/api/guides/errors), the token address RFC 6749's shape.
"""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify

from .routes import blueprint

EVERY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE"]
STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    410: "GONE",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


class ApiError(Exception):
    """An API call is refused. `reason` is the word programs look at."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        domain: str = "global",
        headers: dict[str, str] | None = None,
        location: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.reason, self.message = code, reason, message
        self.domain, self.headers, self.location = domain, headers or {}, location


class TokenError(Exception):
    """The token address refuses: an RFC 6749 error with Google's description."""

    def __init__(self, error: str, description: str, code: int = 400) -> None:
        super().__init__(description)
        self.error, self.description, self.code = error, description, code


def bad_request(message: str, reason: str = "invalid", location: str | None = None) -> ApiError:
    return ApiError(400, reason, message, location=location)


def not_found(message: str = "Not Found") -> ApiError:
    return ApiError(404, "notFound", message)


@blueprint.app_errorhandler(ApiError)
def _api_error(error: ApiError) -> Response:
    row: dict[str, Any] = {"message": error.message, "domain": error.domain, "reason": error.reason}
    if error.location:
        row |= {"location": error.location, "locationType": "parameter"}
    answer = jsonify(
        error={
            "code": error.code,
            "message": error.message,
            "errors": [row],
            "status": STATUS.get(error.code, "UNKNOWN"),
        }
    )
    answer.status_code = error.code
    answer.headers.update(error.headers)
    if error.code == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="https://accounts.google.com/"'
    return answer


@blueprint.app_errorhandler(TokenError)
def _token_error(error: TokenError) -> Response:
    answer = jsonify(error=error.error, error_description=error.description)
    answer.status_code = error.code
    return answer


@blueprint.route("/www.googleapis.com/<path:_rest>", methods=EVERY_METHOD)
@blueprint.route("/admin.googleapis.com/<path:_rest>", methods=EVERY_METHOD)
@blueprint.route("/meet.googleapis.com/<path:_rest>", methods=EVERY_METHOD)
@blueprint.route("/oauth2.googleapis.com/<path:_rest>", methods=EVERY_METHOD)
def unknown_call(_rest: str) -> Response:
    """An address no operation has."""
    raise not_found()
