"""The secrets that endpoints tell our deliveries by."""

import base64
import secrets

PREFIX = "whsec_"
# Source: Standard Webhooks: between 24 and 64 bytes.
_BYTES = 32


def make_secret() -> str:
    """Return a new secret as receivers' libraries take it: base64 behind a prefix. Source: Standard Webhooks."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """Return the bytes that a secret signs with."""
    return base64.b64decode(secret.removeprefix(PREFIX))
