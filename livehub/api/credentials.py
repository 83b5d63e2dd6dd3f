"""Reading the Authorization header; whether what it holds is any good, `streams.organizations` knows."""

from base64 import b64decode
from dataclasses import dataclass

from django.http import HttpRequest


@dataclass(frozen=True)
class BasicCredentials:
    """A user name and a password, still unchecked."""

    username: str
    password: str


def read_basic(request: HttpRequest) -> BasicCredentials | None:
    """Return what an `Authorization: Basic` header holds, or None when there is no readable one.

    Source: RFC 7617.
    """
    encoded = _read(request, scheme="basic")
    if encoded is None:
        return None
    try:
        # Unpadded base64 is common among hand-written clients; excess padding is ignored.
        text = b64decode(f"{encoded}==").decode()
    except ValueError:
        return None
    username, colon, password = text.partition(":")
    return BasicCredentials(username, password) if colon else None


def read_bearer(request: HttpRequest) -> str | None:
    """Return what an `Authorization: Bearer` header holds, or None when there is none.

    Source: RFC 6750.
    """
    return _read(request, scheme="bearer")


def _read(request: HttpRequest, *, scheme: str) -> str | None:
    given, _, rest = request.headers.get("Authorization", "").partition(" ")
    return rest.strip() or None if given.lower() == scheme else None
