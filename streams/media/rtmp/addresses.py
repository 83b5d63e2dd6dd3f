"""Where a target is: its server, its application, and the name to publish under, which is a secret."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

_PORTS = {"rtmp": 1935, "rtmps": 443}


@dataclass(frozen=True)
class TargetAddress:
    """`name` is what is published under; without a key of its own it is the last part of the address."""

    host: str
    port: int
    is_tls: bool
    application: str
    url: str
    name: str = field(repr=False)


def parse_target(url: str, key: str) -> TargetAddress:
    """Return where an address of a platform and its key lead.

    :raises ValueError: when it is no address of RTMP.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("The address is none of RTMP.")
    port = parts.port or _PORTS[parts.scheme]
    path = parts.path.strip("/") + (f"?{parts.query}" if parts.query else "")
    name = key
    if not name and "/" in path:
        path, _, name = path.rpartition("/")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    # Without user names: none of RTMP's servers takes them there.
    base = f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")
    return TargetAddress(parts.hostname, port, parts.scheme == "rtmps", path, f"{base}/{path}", name)
