"""Proving that a delivery is ours: by the endpoint's secret, and by a key of this instance, as the vendors do."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from functools import lru_cache
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from django.core.exceptions import ImproperlyConfigured

from webhooks import secrets

# RealtimeKit has renamed what Dyte sends.
_VENDORS = ("dyte", "rtk")
# Bodies whose signature is remembered: an event goes to several endpoints at about the same time.
_SIGNED = 512


def headers_of(
    *, body: bytes, delivery_id: UUID, endpoint_id: UUID, timestamp_s: int, secrets_: Sequence[str], key: str
) -> dict[str, str]:
    """Return the headers that say what a delivery is, and prove it.

    `secrets_` sign each for itself, the present one first; `key` is the instance's, in PEM.
    Sources: Standard Webhooks; Dyte v2 and RealtimeKit, Webhooks.
    """
    uid, endpoint_uid = str(delivery_id), str(endpoint_id)
    signatures = [_sign(body, delivery_uid=uid, timestamp_s=timestamp_s, secret=secret) for secret in secrets_]
    headers = {
        "Content-Type": "application/json",
        "webhook-id": uid,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(signatures),
    }
    for vendor in _VENDORS:
        headers[f"{vendor}-signature"] = _sign_by_key(body, key)
        headers[f"{vendor}-uuid"] = uid
        headers[f"{vendor}-webhook-id"] = endpoint_uid
    return headers


def public_key(key: str) -> str:
    """Return what the vendors' signatures are checked with: PEM, SPKI."""
    found = _read_key(key).public_key()
    return found.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _sign(body: bytes, *, delivery_uid: str, timestamp_s: int, secret: str) -> str:
    signed = b"%b.%d.%b" % (delivery_uid.encode(), timestamp_s, body)
    digest = hmac.digest(_secret_bytes(secret), signed, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"


@lru_cache(maxsize=1024)
def _secret_bytes(secret: str) -> bytes:
    return secrets.key_of(secret)


@lru_cache(maxsize=_SIGNED)
def _sign_by_key(body: bytes, key: str) -> str:
    return base64.b64encode(_read_key(key).sign(body, PKCS1v15(), hashes.SHA256())).decode()


# By the setting itself, so that tests can change it; reading a key takes longer than signing with it.
@lru_cache(maxsize=4)
def _read_key(pem: str) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise ImproperlyConfigured(f"LIVEHUB_WEBHOOK_SIGNING_KEY: {error}") from error
    if not isinstance(key, RSAPrivateKey):
        raise ImproperlyConfigured("LIVEHUB_WEBHOOK_SIGNING_KEY must be an RSA key.")
    return key
