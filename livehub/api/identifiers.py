"""Identifiers as clients write them."""

import re
from uuid import UUID

from livehub.core.errors import NotFoundError

_OBJECT_ID = re.compile(r"[0-9a-f]{24}", re.ASCII | re.IGNORECASE)
# The digits of a UUID that an object id does not have.
_REST_BITS = 32
_UUID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
# How much of an unusable identifier an error repeats.
_SHOWN = 64


def find_uuid(text: str) -> UUID | None:
    """Return the UUID that the text is, with its dashes or without them, or None."""
    return UUID(text) if _UUID.fullmatch(text) else None


def get_uuid(text: str, *, noun: str) -> UUID:
    """Return the UUID of a path.

    :raises NotFoundError: when it is none, so nothing can have it; the answer is that for an unknown one.
    """
    found = find_uuid(text)
    if found is None:
        raise NotFoundError(f"No {noun} {text[:_SHOWN]}.")
    return found


def object_id(identifier: UUID) -> str:
    """Return the identifier as LiveAPI has them: 24 hexadecimal digits, the first ones of the UUID."""
    return identifier.hex[:24]


def get_object_id_range(text: str, *, noun: str) -> tuple[UUID, UUID]:
    """Return the first and the last UUID that an object id may stand for.

    Filter the primary key by both: 90 random bits decide, so no two of ours share an object id.

    :raises NotFoundError: when it is none, so nothing can have it; the answer is that for an unknown one.
    """
    if _OBJECT_ID.fullmatch(text) is None:
        raise NotFoundError(f"No {noun} {text[:_SHOWN]}.")
    first = int(text, 16) << _REST_BITS
    return UUID(int=first), UUID(int=first | (1 << _REST_BITS) - 1)
