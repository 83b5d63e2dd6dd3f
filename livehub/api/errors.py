"""Whatever goes wrong in a request, as one value that each dialect writes in its own shape."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from rest_framework.exceptions import APIException

from livehub.core import outage
from livehub.core.errors import DomainError

logger = logging.getLogger(__name__)


class CredentialsMissingError(DomainError):
    """The request does not say who asks."""

    code = "authentication_required"
    http_status = 401


class ScopeMissingError(DomainError):
    """The key is good, but not for this."""

    code = "scope_missing"
    http_status = 403


class UnknownRouteError(DomainError):
    """No operation lives at this address."""

    code = "unknown_route"
    http_status = 404


class MalformedBodyError(DomainError):
    """The body is not JSON."""

    code = "malformed_json"
    http_status = 400


class BodyTooLargeError(DomainError):
    """The body is longer than we read."""

    code = "payload_too_large"
    http_status = 413


class UnsupportedMediaTypeError(DomainError):
    """The body says that it is something else than JSON."""

    code = "unsupported_media_type"
    http_status = 415


class InvalidQueryError(DomainError):
    """The query string is not acceptable; `fields` holds every complaint at once, by parameter."""

    code = "invalid_query"
    http_status = 400

    def __init__(self, message: str, *, fields: dict[str, list[str]]) -> None:
        super().__init__(message)
        self.fields = fields


@dataclass(frozen=True)
class Problem:
    """What the client is told: `type` is for programs, `message` for people, `fields` for forms."""

    http_status: int
    type: str
    message: str
    fields: Mapping[str, list[str]] = field(default_factory=dict)
    is_retryable: bool = False
    retry_after_s: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        # The vendors' SDKs send every 409 three times unless told that the answer will not change.
        if self.is_retryable:
            wait = {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}
            return {"x-should-retry": "true", **wait}
        return {"x-should-retry": "false"} if self.http_status == 409 else {}


# The edge says the same of a web process that is away.
_DATABASE_AWAY = Problem(
    503,
    "unavailable",
    "The database does not answer in time. Try again in a few seconds.",
    is_retryable=True,
    retry_after_s=outage.RETRY_AFTER_S,
)


def describe_problem(error: Exception) -> Problem:
    """Return what to tell the client; what is our own fault is logged with its traceback, and not told."""
    match error:
        case DomainError() if error.http_status < 500 or error.retryable:
            return Problem(
                error.http_status,
                error.code,
                error.message,
                getattr(error, "fields", {}),
                error.retryable,
                getattr(error, "retry_after_s", None),
            )
        case APIException():
            return Problem(error.status_code, str(error.default_code), str(error.detail))
        case RequestDataTooBig():
            return describe_problem(BodyTooLargeError("The body is too large: send at most 1 MB."))
        case SuspiciousOperation():
            return Problem(400, "bad_request", "The request cannot be read.")
        case OperationalError() | InterfaceError():
            logger.warning("API request not answered %s", outage.describe(error))
            return _DATABASE_AWAY
    logger.error("Unexpected error in an API request", exc_info=error)
    return Problem(500, "internal_error", "Something went wrong on our side. Try again, or tell the operator.")


def vendor_error_body(problem: Problem) -> dict[str, object]:
    """Return the error body of Dyte and RealtimeKit.

    `errors` is where Cloudflare's SDK looks, `error` where Dyte's clients do: both are always there.
    """
    error: dict[str, object] = {"code": problem.http_status, "message": problem.message, "type": problem.type}
    if problem.fields:
        error["fields"] = problem.fields
    return {
        "success": False,
        "error": error,
        "errors": [{"code": problem.http_status, "message": problem.message}],
    }
