"""Idempotency-Key: a POST that is sent again is answered again, and not done again."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from django.db import transaction
from django.http import HttpRequest
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from livehub.core.errors import DomainError

HEADER = "Idempotency-Key"
LENGTH_MAX = 255
# What an answer has that was not made now, as Stripe's clients know it.
_REPLAYED = {"Idempotent-Replayed": "true"}


class UnusableIdempotencyKeyError(DomainError):
    """The header is not acceptable."""

    code = "invalid_idempotency_key"
    http_status = 400


class IdempotencyKeyTakenError(DomainError):
    """The key stands for another request."""

    code = "idempotency_key_taken"
    http_status = 422


class IdempotencyKeyInUseError(DomainError):
    """The same request is still being answered."""

    code = "idempotency_key_in_use"
    http_status = 409
    retryable = True
    retry_after_s = 1


@dataclass(frozen=True)
class Answered:
    """What a request was answered."""

    http_status: int
    # JSON.
    body: str


class AnswerBook(Protocol):
    """What one caller's requests were answered, by key."""

    def claim(self, *, key: str, fingerprint: bytes) -> Answered | None:
        """Return what the same request was answered, or None when it is the first with this key.

        Of requests at the same time one is the first, and the others wait until its transaction ends.

        :raises IdempotencyKeyTakenError: when another request has had this key.
        :raises IdempotencyKeyInUseError: when the first one takes too long.
        """

    def keep(self, *, key: str, answered: Answered) -> None:
        """Keep the answer of the request that has claimed the key."""


def read_key(request: HttpRequest) -> str | None:
    """Return the key that the client has given, if any.

    :raises UnusableIdempotencyKeyError: when it is none.
    """
    key = request.headers.get(HEADER)
    if key is None or (0 < len(key) <= LENGTH_MAX and key.isascii() and key.isprintable()):
        return key
    raise UnusableIdempotencyKeyError(f"{HEADER} must be 1 to {LENGTH_MAX} printable ASCII characters, such as a UUID.")


def answer_once(request: HttpRequest, *, key: str, book: AnswerBook, perform: Callable[[], Response]) -> Response:
    """Perform the request, or answer what it was answered before.

    All in one transaction: either the answer is kept and everything that it tells of, or nothing has happened. So what
    has failed may be tried again under the same key.
    """
    with transaction.atomic():
        answered = book.claim(key=key, fingerprint=_fingerprint(request))
        if answered is not None:
            return Response(json.loads(answered.body), status=answered.http_status, headers=_REPLAYED)
        response = perform()
        # Whatever fails raises, and takes the claim with it.
        book.keep(key=key, answered=Answered(response.status_code, JSONRenderer().render(response.data).decode()))
        return response


def _fingerprint(request: HttpRequest) -> bytes:
    """Return what tells the request from others: its address and its body."""
    return hashlib.sha256(request.get_full_path().encode() + b"\0" + request.body).digest()
