"""Identifiers as clients write them."""

import re
from uuid import UUID

from livehub.core.errors import NotFoundError

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
