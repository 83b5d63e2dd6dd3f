"""What the origin says, as bytes that any number of players get."""

import gzip
from dataclasses import dataclass
from http import HTTPStatus

from streams.media.viewer_tokens import has_run_out

# Playlists are small and read once; more effort costs others the moment that it takes.
_GZIP_LEVEL = 1
_GZIP_BYTES_AT_LEAST = 512
_PLAYLIST_TYPE = "application/vnd.apple.mpegurl"
_NOT_KEPT = {"Cache-Control": "no-store"}
# Where nginx itself finds a session's files.
_FILES = "/playback-files"


@dataclass(frozen=True, slots=True)
class Reply:
    head: bytes
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class PackedPlaylist:
    """A playlist as it is sent, to all who take it packed or to all others."""

    body: bytes
    is_zipped: bool


def failure(status: int) -> Reply:
    """Return an answer without anything in it, which nobody may keep."""
    return answer(status, _NOT_KEPT, b"")


def page(text: str, *, is_zipped: bool) -> PackedPlaylist:
    """Return a playlist, packed where that is worth it."""
    body = text.encode()
    if is_zipped and len(body) >= _GZIP_BYTES_AT_LEAST:
        return PackedPlaylist(gzip.compress(body, _GZIP_LEVEL, mtime=0), is_zipped=True)
    return PackedPlaylist(body, is_zipped=False)


def playlist(page: PackedPlaylist, *, max_age_s: int) -> Reply:
    """Return a playlist that caches may keep for so long; which caches, nginx says."""
    headers = {
        "Content-Type": _PLAYLIST_TYPE,
        "Cache-Control": f"max-age={max_age_s}",
        "Vary": "Accept-Encoding",
        **({"Content-Encoding": "gzip"} if page.is_zipped else {}),
    }
    return answer(200, headers, page.body)


def file(path: str) -> Reply:
    """Return what has nginx answer with a file; the path is relative to the folder of all."""
    return answer(200, {"X-Accel-Redirect": f"{_FILES}/{path}"}, b"")


def permitted(
    *, holds_s: int, renewed_within_s: int, unasked_within_s: int, depends_on_origin: bool, pseudonym: str = ""
) -> Reply:
    """Return the permission to play: for how long the edge may go by it, and by how much longer while it asks again.

    By `unasked_within_s` it may where nobody answers. Source: RFC 5861. `pseudonym` is whose token it is, as a hash.
    """
    kept = f"max-age={holds_s}, stale-while-revalidate={renewed_within_s}, stale-if-error={unasked_within_s}"
    varies = {"Vary": "Origin"} if depends_on_origin else {}
    whose = {"X-Playback-Viewer": pseudonym} if pseudonym else {}
    return answer(200, {"Cache-Control": kept, "X-Playback": "permitted", **whose, **varies}, b"")


def unsure(token: str) -> Reply:
    """Return that nobody knows who may play: the edge goes by what it was told before, while the token lasts."""
    return refused("refused", holds_s=1) if token and has_run_out(token) else failure(503)


def refused(why: str, *, holds_s: int) -> Reply:
    """Return why somebody may not play: `refused`, `full`, or `unknown` where there is nothing to play."""
    # It may be for the sake of the origin.
    return answer(401, {"Cache-Control": f"max-age={holds_s}", "X-Playback": why, "Vary": "Origin"}, b"")


def answer(status: int, headers: dict[str, str], body: bytes) -> Reply:
    """Return an answer as it is sent."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return Reply("\r\n".join((*lines, "", "")).encode(), body)
