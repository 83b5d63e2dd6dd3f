"""Errors that say what happened, to what, and whether trying again makes sense."""

from typing import ClassVar


class DomainError(Exception):
    """Something that the caller asked for cannot be done.

    `code` is stable (integrators match on it); `message` is for people and says what to do.
    """

    code: ClassVar[str] = "domain_error"
    http_status: ClassVar[int] = 400
    retryable: ClassVar[bool] = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotFoundError(DomainError):
    """Unknown, deleted, or another tenant's: all three answer alike."""

    code = "not_found"
    http_status = 404


class ValidationFailedError(DomainError):
    """The input is not acceptable; `fields` holds every complaint at once, by field name."""

    code = "validation_failed"
    http_status = 422

    def __init__(self, message: str, *, fields: dict[str, list[str]]) -> None:
        super().__init__(message)
        self.fields = fields


class StaleStatusError(DomainError):
    """Somebody else changed the status between the reading and the writing."""

    code = "stale_status"
    # Not 409, which tells the vendors' clients that another try is useless.
    http_status = 503
    retryable = True


class IllegalTransitionError(DomainError):
    """The state machine has no such step."""

    code = "illegal_transition"
    http_status = 409
