"""The tokens that participants join with: signed by us, so that whoever has the public key can tell who they are.

A signature says only that we made the token. Whether it still opens anything, its participant's revision says
(`selectors.get_participant_by_token`).
"""

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from jwt.algorithms import RSAAlgorithm
from jwt.types import Options

from livehub.core import clock
from livehub.core.errors import DomainError
from streams.meetings.models import Participant

# Source: Dyte v2, the token that its guide shows: exp - iat = 8,640,000 s.
LIFETIME = timedelta(days=100)
_ALGORITHM = "RS256"
_PEM = re.compile(r"-----BEGIN ([A-Z ]+)-----.+?-----END \1-----", re.DOTALL)


class ParticipantTokenRejectedError(DomainError):
    """Not ours, expired, revoked, or its participant is gone: the answer does not tell which."""

    code = "participant_token_rejected"
    http_status = 401

    def __init__(self) -> None:
        super().__init__("The participant token is not valid. Ask for a new one, and join with that.")


@dataclass(frozen=True)
class TokenClaims:
    """What a token with a good signature says."""

    meeting_id: UUID
    participant_id: UUID
    revision: int


@dataclass(frozen=True)
class _Key:
    """A key of ours, under the name that tokens and the published set know it by."""

    id: str
    private: RSAPrivateKey
    public: RSAPublicKey


def make_token(participant: Participant) -> str:
    """Return a token for the participant, whose meeting and app must be loaded.

    Source: Dyte v2, POST /meetings/{id}/participants; `rev` is ours.
    """
    issued_at = clock.now()
    claims = {
        "orgId": str(participant.meeting.app.organization_id),
        "meetingId": str(participant.meeting_id),
        "participantId": str(participant.pk),
        "presetId": str(participant.preset_id),
        "iat": int(issued_at.timestamp()),
        "exp": int((issued_at + LIFETIME).timestamp()),
        "rev": participant.token_revision,
    }
    newest = _keys(settings.PARTICIPANT_KEYS)[0]
    return jwt.encode(claims, newest.private, algorithm=_ALGORITHM, headers={"kid": newest.id})


def read_token(token: str) -> TokenClaims:
    """Return what a token says.

    :raises ParticipantTokenRejectedError: when we have not made it, or it has expired.
    """
    try:
        named = jwt.get_unverified_header(token).get("kid")
        key = next((key for key in _keys(settings.PARTICIPANT_KEYS) if key.id == named), None)
        if key is None:
            raise ParticipantTokenRejectedError
        required: Options = {"require": ["exp", "iat", "meetingId", "participantId", "rev"]}
        claims = jwt.decode(token, key.public, algorithms=[_ALGORITHM], options=required)
        return TokenClaims(UUID(claims["meetingId"]), UUID(claims["participantId"]), int(claims["rev"]))
    except jwt.InvalidTokenError as error:
        raise ParticipantTokenRejectedError from error


def public_keys() -> dict[str, object]:
    """Return the set of public keys that tokens can be checked with. Source: RFC 7517."""
    return {"keys": [_published(key) for key in _keys(settings.PARTICIPANT_KEYS)]}


def _published(key: _Key) -> dict[str, object]:
    return {**_members(key.public), "kid": key.id, "alg": _ALGORITHM, "use": "sig"}


def _members(key: RSAPublicKey) -> dict[str, str]:
    members = RSAAlgorithm.to_jwk(key, as_dict=True)
    return {name: members[name] for name in ("e", "kty", "n")}


# By the setting itself, so that tests can change it; reading a key takes longer than signing with it.
@lru_cache(maxsize=4)
def _keys(text: str) -> list[_Key]:
    found = [_read_key(match[0]) for match in _PEM.finditer(text)]
    if not found:
        raise ImproperlyConfigured("LIVEHUB_PARTICIPANT_KEYS holds no private key.")
    return found


def _read_key(pem: str) -> _Key:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise ImproperlyConfigured(f"LIVEHUB_PARTICIPANT_KEYS: {error}") from error
    if not isinstance(key, RSAPrivateKey):
        raise ImproperlyConfigured("LIVEHUB_PARTICIPANT_KEYS must be RSA keys.")
    return _Key(_thumbprint(key.public_key()), key, key.public_key())


def _thumbprint(key: RSAPublicKey) -> str:
    """Return the key's name, which follows from the key. Source: RFC 7638."""
    text = json.dumps(_members(key), sort_keys=True, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
