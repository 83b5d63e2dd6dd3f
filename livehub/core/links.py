"""Links that let somebody in: they name a row, and only we can have written them.

Until when a link opens something, and whether it has been used, stands in its row.
"""

from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer

from livehub.core.errors import DomainError


class LinkUnusableError(DomainError):
    """Not one of ours, used, withdrawn or expired: the answer does not tell which."""

    code = "link_unusable"
    http_status = 410


def token_for(row_id: UUID, *, purpose: str) -> str:
    """Return what a link of this purpose carries for a row."""
    return _signer(purpose).sign(row_id.hex)


def read_token(token: str, *, purpose: str) -> UUID:
    """Return the id of the row that the link names.

    :raises LinkUnusableError: when we have not written it for this purpose.
    """
    try:
        return UUID(_signer(purpose).unsign(token))
    except (BadSignature, ValueError) as error:
        raise LinkUnusableError("This link is not one of ours, or a part of it is missing.") from error


def link_to(path: str, *, token: str) -> str:
    """Return the whole address; the token stands where no log keeps it."""
    return f"{settings.PUBLIC_URL}{path}?{urlencode({'token': token})}"


def _signer(purpose: str) -> Signer:
    return Signer(salt=f"livehub.{purpose}")
