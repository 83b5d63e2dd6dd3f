"""Secrets: made, hashed, looked up, encrypted. The keys live outside the database (settings)."""

import hashlib
import hmac
import secrets
import string
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from django.conf import settings

from livehub.core.errors import DomainError

_ALPHABET = string.ascii_letters + string.digits


class UndecryptableSecretError(DomainError):
    """The encryption key that this was written with is gone."""

    code = "undecryptable_secret"
    http_status = 500


class UnknownSealError(DomainError):
    """Not sealed by us, or for something else, or by a key that is gone."""

    code = "unknown_seal"


def random_token(length: int) -> str:
    """Return letters and digits, 5.95 bits each, safe in URLs, file names and RTMP stream names."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def hash_secret(secret: str) -> str:
    """Return the SHA-256 of a secret with enough entropy of its own (not for passwords), as hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def is_same_secret(secret: str, digest: str) -> bool:
    """Compare a secret with its stored hash in constant time."""
    return hmac.compare_digest(hash_secret(secret), digest)


def lookup_digest(secret: str) -> str:
    """Return the keyed hash by which a secret is found in an indexed column, as hex."""
    return hmac.new(settings.LOOKUP_KEY.encode(), secret.encode(), hashlib.sha256).hexdigest()


def encrypt(secret: str) -> str:
    """Return the secret under the newest key."""
    return _fernet().encrypt(secret.encode()).decode()


def decrypt(token: str) -> str:
    """Return the secret again, whichever of our keys it is under.

    :raises UndecryptableSecretError: when it is under none of them.
    """
    try:
        return _fernet().decrypt(token.encode()).decode()
    except InvalidToken as error:
        raise UndecryptableSecretError(
            "A stored secret is under no key in LIVEHUB_ENCRYPTION_KEYS. Add the old key after the new one."
        ) from error


def seal(content: bytes, *, purpose: str) -> str:
    """Return what we alone can read again and nobody can make: short, safe in URLs, the same each time.

    Source: RFC 5297.
    """
    return urlsafe_b64encode(_sealers()[0].encrypt(content, [purpose.encode()])).decode().rstrip("=")


def unseal(text: str, *, purpose: str) -> bytes:
    """Return what was sealed for that purpose, by whichever of our keys.

    :raises UnknownSealError: when it was not.
    """
    for sealer in _sealers():
        try:
            sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
            return sealer.decrypt(sealed, [purpose.encode()])
        except (InvalidTag, ValueError):
            continue  # Of another key, or none of ours at all.
    raise UnknownSealError("This was not made here.")


@lru_cache(maxsize=1)
def _sealers() -> Sequence[AESSIV]:
    return [AESSIV(hmac.digest(part.encode(), b"seal", "sha512")) for part in settings.ENCRYPTION_KEYS]


@lru_cache(maxsize=1)
def _fernet() -> MultiFernet:
    return MultiFernet([_key(part) for part in settings.ENCRYPTION_KEYS])


def _key(passphrase: str) -> Fernet:
    return Fernet(urlsafe_b64encode(hashlib.sha256(passphrase.encode()).digest()))
