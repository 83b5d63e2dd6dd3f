"""Whatever goes wrong in a request, made into the one value that each dialect writes in its own shape."""

import logging

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from rest_framework.exceptions import APIException

from livehub.api.problem import Problem
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
