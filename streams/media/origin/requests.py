"""What nginx asks the origin, read strictly: whatever is not exactly one of our questions is refused.

Source: RFC 9112 (messages), RFC 8216bis 6.2.5 (the questions).
"""

import re
from dataclasses import dataclass, field, replace

from streams.media.media_playlist import Form
from streams.media.origin.rules import Viewer

# nginx hands on a few headers, and a token as long as it takes in a path.
HEAD_BYTES_AT_MOST = 16384
# Whether a viewer may play is asked there.
_PERMISSION = "/permission"
# Many are asked about together, so none may be of any length.
_PLAYBACK_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# None, or one as browsers write it; anything else counts as one that is not to be known. Source: RFC 6454, 7.1.
_ORIGIN, _NO_ORIGIN = re.compile(r"[!-~]{0,300}"), "null"
_SESSION = r"/(?P<folder>[A-Za-z0-9_-]{1,64}/[0-9a-f]{16}(?:-[0-9]{1,4})?)"
_PATH = re.compile(
    rf"{_SESSION}/(?P<slot>[av][0-9]{{1,2}})"
    r"/(?:(?P<playlist>index|iframes)\.m3u8|(?P<file_name>[0-9]{1,9}-[0-9]{1,12}(?:(?:\.[0-9]{1,6})?\.m4s|\.init\.mp4)))"
)
# What belongs to no slot; only relays are asked for it, an origin's nginx has the files.
_OTHERS = (
    re.compile(r"/(?P<folder>[A-Za-z0-9_-]{1,64})/(?P<file_name>(?:index|live)\.m3u8|thumbnail\.jpg|preview\.webp)"),
    re.compile(rf"{_SESSION}/(?P<file_name>storyboard\.vtt)"),
)
# What is played once a broadcast is over.
_RECORDINGS = r"/(?P<folder>[A-Za-z0-9_-]{1,64}/recordings)"
_RECORDED = (
    re.compile(rf"{_RECORDINGS}/(?P<file_name>index\.m3u8)"),
    re.compile(
        rf"{_RECORDINGS[:-1]}/[0-9a-f-]{{36}})"
        r"/(?P<file_name>(?:index|video|audio)\.m3u8|media\.mp4|storyboard\.vtt|pictures/[a-z0-9]{1,64}\.jpg)"
    ),
)
# A recording's media, of which nobody is asked for more than a part.
_MEDIA = "media.mp4"
_RANGE = re.compile(r"bytes=[0-9]{1,18}-[0-9]{1,18}")
_PICTURE = re.compile(
    rf"{_SESSION}/(?P<slot>pictures)/(?P<file_name>[0-9]{{1,9}}-[0-9]{{1,12}}(?:-[0-9]{{1,3}})?\.jpg)"
)
_NUMBER = re.compile(r"[0-9]{1,12}")
_WHOLE = Form()
_METHODS = frozenset({"GET", "HEAD"})


class RefusedError(Exception):
    """It cannot be answered; `status` says why."""

    def __init__(self, status: int) -> None:
        super().__init__(f"refused with {status}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Wanted:
    """A playlist, as it is when that segment or part is in it, or a file.

    `folder` is a session's, below that of all files, or a livestream's. `file_name` is empty for a slot's playlists.
    `slot` is the folder within it of what never changes, and of playlists; empty for what else is replaced.
    """

    folder: str
    slot: str
    form: Form = _WHOLE
    is_key_frames: bool = False
    msn: int | None = None
    part: int | None = None
    file_name: str = ""
    # Of a recording's media: which bytes, as the header says it.
    byte_range: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """A question, and how it is to be answered."""

    wanted: Wanted
    is_head: bool = False
    takes_gzip: bool = False
    closes: bool = False
    # With which it was asked for; only relays are told.
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class PermissionRequest:
    """The question whether somebody may play."""

    viewer: Viewer
    is_head: bool = False
    closes: bool = False


def parse_request(head: bytes) -> Request | PermissionRequest:
    """Return what a request's lines say, without the empty one behind them.

    :raises RefusedError: when we have no answer to it.
    """
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target = _request_line(first)
    headers = _headers(lines)
    if method not in _METHODS:
        raise RefusedError(405)
    if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
        raise RefusedError(400)
    is_head, closes = method == "HEAD", headers.get("connection", "").lower() == "close"
    token = headers.get("x-playback-token", "")
    if target == _PERMISSION:
        origin = headers.get("origin", "")
        playback_id = headers.get("x-playback-id", "")
        if not _PLAYBACK_ID.fullmatch(playback_id):
            playback_id = ""
        viewer = Viewer(playback_id, token, origin if _ORIGIN.fullmatch(origin) else _NO_ORIGIN)
        return PermissionRequest(viewer, is_head, closes)
    takes_gzip = "gzip" in headers.get("accept-encoding", "")
    wanted = parse_target(target)
    if wanted.file_name == _MEDIA:
        wanted = replace(wanted, byte_range=headers.get("range", ""))
        if not _RANGE.fullmatch(wanted.byte_range):
            raise RefusedError(400)
    return Request(wanted, is_head, takes_gzip, closes, token)


def parse_target(target: str) -> Wanted:
    """Return what a path with its query asks for.

    :raises RefusedError: when it is none of ours, or its numbers cannot be.
    """
    path, _, query = target.partition("?")
    for other in (*_OTHERS, *_RECORDED):
        if (entry := other.fullmatch(path)) is not None:
            return Wanted(entry["folder"], "", file_name=entry["file_name"])
    if (picture := _PICTURE.fullmatch(path)) is not None:
        return Wanted(picture["folder"], picture["slot"], file_name=picture["file_name"])
    found = _PATH.fullmatch(path)
    if found is None:
        raise RefusedError(404)
    folder, slot = found["folder"], found["slot"]
    if found["file_name"]:
        return Wanted(folder, slot, file_name=found["file_name"])
    if found["playlist"] == "iframes":
        return Wanted(folder, slot, is_key_frames=True)
    asked = dict(pair.partition("=")[::2] for pair in query.split("&"))
    msn, part = _number(asked.get("_HLS_msn")), _number(asked.get("_HLS_part"))
    if part is not None and msn is None:
        raise RefusedError(400)
    form = Form(is_edge=asked.get("dvr") == "0", is_delta=asked.get("_HLS_skip") in {"YES", "v2"})
    return Wanted(folder, slot, form, msn=msn, part=part)


def target_of(wanted: Wanted) -> str:
    """Return the path with its query, always written in the same way."""
    folder = f"/{wanted.folder}/{wanted.slot}" if wanted.slot else f"/{wanted.folder}"
    if wanted.file_name or wanted.is_key_frames:
        return f"{folder}/{wanted.file_name or 'iframes.m3u8'}"
    asked = {
        "_HLS_msn": wanted.msn,
        "_HLS_part": wanted.part,
        "_HLS_skip": "YES" if wanted.form.is_delta else None,
        "dvr": 0 if wanted.form.is_edge else None,
    }
    query = "&".join(f"{name}={value}" for name, value in asked.items() if value is not None)
    return f"{folder}/index.m3u8{'?' if query else ''}{query}"


def _number(word: str | None) -> int | None:
    if word is None:
        return None
    if not _NUMBER.fullmatch(word):
        raise RefusedError(400)
    return int(word)


def _request_line(line: str) -> tuple[str, str]:
    words = line.split(" ")
    if len(words) != 3 or words[2] not in {"HTTP/1.1", "HTTP/1.0"}:
        raise RefusedError(400)
    return words[0], words[1]


def _headers(lines: list[str]) -> dict[str, str]:
    named = (line.partition(":") for line in lines)
    return {name.lower(): value.strip() for name, _, value in named}
