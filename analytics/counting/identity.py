"""Who a request is from, and on what: as little of that as is needed to count."""

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from crawleruseragents import is_crawler

from analytics.counting.lines import LogLine

VIEWER_BYTES = 16
# CTA-5004: at most 64 characters; a string of Structured Fields holds printable ASCII.
_SID = re.compile(r'(?:^|[,\s])sid="((?:[^"\\\x00-\x1f\x7f-\uffff]|\\["\\]){1,64})"')
_APPLE_ID = re.compile(r"[0-9A-Za-z-]{8,64}")
_VIEWER = re.compile(r"[0-9a-f]{16,64}")
_AGENTS_KEPT, _ADDRESSES_KEPT = 4096, 16384
# What is read of what a program calls itself.
AGENT_READ = 512
_TVS = "smart-?tv|tizen|web0s|webos|apple ?tv|tvos|roku|bravia|crkey|\\baft[a-z]|google ?tv|hbbtv|playstation|xbox"
_DEVICES = (
    ("tv", _TVS),
    ("tablet", "ipad|tablet|kindle|silk/|android(?!.*mobile)"),
    ("mobile", "iphone|ipod|android|mobile"),
    ("desktop", "windows|macintosh|x11|cros|linux"),
)
_DEVICE_PATTERNS = [(device, re.compile(pattern, re.IGNORECASE)) for device, pattern in _DEVICES]


class Identity(NamedTuple):
    """What tells the viewer from others, what kind of thing that is, and what of the line says it, as it was sent."""

    name: str
    kind: str
    said: str


def identify(line: LogLine) -> Identity:
    """Return who it is; of the kind "address", and without a name, where nothing tells."""
    if line.viewer and _VIEWER.fullmatch(line.viewer):
        return Identity(line.viewer, "token", line.viewer)
    if line.cmcd and (match := _SID.search(line.cmcd)):
        return Identity(match[1], "cmcd", line.cmcd)
    if line.cmcd_query and (match := _SID.search(unquote(line.cmcd_query))):
        return Identity(match[1], "cmcd", line.cmcd_query)
    if line.playback_session and _APPLE_ID.fullmatch(line.playback_session):
        return Identity(line.playback_session, "apple", line.playback_session)
    return Identity("", "address", "")


def identify_player(line: LogLine, sid: str) -> tuple[str, str]:
    """Return of who reports by what kind of thing they are told from others, and that."""
    return ("token", line.viewer) if line.viewer and _VIEWER.fullmatch(line.viewer) else ("cmcd", sid)


def hash_viewer(salt: bytes, session: str, kind: str, name: str) -> bytes:
    """Return what is stored of a viewer: nobody can undo it, or tell that it is the same on another day."""
    return hmac.digest(salt, "\0".join((session, kind, name)).encode("utf-8", "replace"), hashlib.sha256)[:VIEWER_BYTES]


@lru_cache(_ADDRESSES_KEPT)
def household(address: str) -> str:
    """Return what one customer's addresses have in common: over IPv6 that is a network."""
    if ":" not in address:
        return address
    try:
        found = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    # As some proxies write an IPv4 address.
    return str(found.ipv4_mapped or ipaddress.IPv6Network((int(found), 64), strict=False).network_address)


@lru_cache(_AGENTS_KEPT)
def is_bot(agent: str) -> bool:
    """Whether a program that is nobody's player calls itself so; as `Newcomers.agent_of` shortens it."""
    return bool(is_crawler(agent))


@lru_cache(_AGENTS_KEPT)
def device_of(agent: str) -> str:
    """Return what a player says that it runs on; as above."""
    return next((device for device, pattern in _DEVICE_PATTERNS if pattern.search(agent)), "other")


class Salts:
    """Those of two days at least, by their days since 1970."""

    def __init__(self, salts: Mapping[int, bytes]) -> None:
        self._salts = dict(salts)

    def of(self, day: int) -> bytes:
        """Return that day's, or that of the day nearest to it."""
        return self._salts[min(self._salts, key=lambda known: abs(known - day))]

    def newest(self, day: int) -> list[bytes]:
        """Return that day's and the one before: who came before midnight is known after it."""
        return [self.of(day), self.of(day - 1)]
