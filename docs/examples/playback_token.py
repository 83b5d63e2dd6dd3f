"""Sign a viewer's link by yourself, with nothing but Python: prints the playback URL.

Usage: playback_token.py <public URL> <playback id> <key id> <secret> <viewer id>
"""

import base64
import hashlib
import hmac
import json
import sys
import time

LASTS_S = 4 * 3600


def sign(playback_id: str, viewer_id: str, key_id: str, secret: str) -> str:
    """Return a token for one viewer of one livestream."""
    now = int(time.time())
    header = {"alg": "HS256", "typ": "JWT", "kid": key_id}
    claims = {"sub": viewer_id, "playback_id": playback_id, "iat": now, "exp": now + LASTS_S}
    signed = f"{_encode(json.dumps(header).encode())}.{_encode(json.dumps(claims).encode())}"
    return f"{signed}.{_encode(hmac.digest(secret.encode(), signed.encode(), hashlib.sha256))}"


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


if __name__ == "__main__":
    public_url, playback_id, key_id, secret, viewer_id = sys.argv[1:]
    print(f"{public_url}/playback/t/{sign(playback_id, viewer_id, key_id, secret)}/{playback_id}/index.m3u8")
