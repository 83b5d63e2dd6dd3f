"""Answering with bytes that lie in a storage: all of them, or the range that was asked for. Source: RFC 9110, 14."""

import re
import threading
import time
from collections.abc import Callable, Iterator

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from livehub.core.deadline import deadline, suspended_deadline
from livehub.core.errors import DomainError

# One range, as players ask; what else is asked for is answered with all.
_RANGE = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))")
# Read and handed on at a time.
_PIECE = 4 * 1024 * 1024
# Of what a player asks for without an end: it breaks off as it suits it, and asks for the next one.
_MOST_OF_OPEN = 16 * 1024 * 1024
# Of what a player asks for with an end: more than any segment has, and less than an evening.
_MOST_OF_RANGE = 64 * 1024 * 1024
# In which a player has what it asked for. Anybody may ask for a whole film, and read it as slowly as they like.
_PLAYED_S = 120.0
# Each holds a thread of the web program while its storage or its reader takes its time, and others need some, too.
_AT_ONCE = 2
# For the first piece, before anything is answered.
_BEGIN_S = 15.0
_room = threading.BoundedSemaphore(_AT_ONCE)

Read = Callable[[int, int], bytes]


class NoRoomError(DomainError):
    """As many are being passed on as this program does at once; the message says so."""

    code = "too_many_passed_on"
    http_status = 503


def answer_bytes(
    request: HttpRequest, *, read: Read, size: int, content_type: str, is_played: bool = False
) -> HttpResponseBase:
    """Answer a GET or HEAD; `read` takes an offset and a length, and returns those bytes of `size`.

    The first of them are read before anything is answered: what `read` raises then goes on to the caller.

    :param is_played: a player asks, which is content with a beginning of what it asked for, and has a while to take it.
    :raises NoRoomError: when too many are being passed on.
    """
    found = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    asked = _asked(found, size=size, is_played=is_played) if found else (0, size)
    if asked is None:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    begin, end = asked
    if request.method == "HEAD":
        response: HttpResponseBase = HttpResponse(content_type=content_type)
    else:
        pieces = _Pieces(read, begin, end, longest_s=_PLAYED_S if is_played else None)
        response = _begun(pieces, content_type=content_type)
    response["Accept-Ranges"] = "bytes"
    response["Content-Length"] = str(end - begin)
    if found and _is_in_order(found):
        response.status_code = 206
        response["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
    return response


def _is_in_order(found: re.Match[str]) -> bool:
    return not (found[1] and found[2]) or int(found[1]) <= int(found[2])


def _asked(found: re.Match[str], *, size: int, is_played: bool) -> tuple[int, int] | None:
    """Return where what is asked for begins and ends, None where there is nothing there."""
    if not _is_in_order(found):
        return 0, size
    if found[3]:
        # So many last ones.
        begin, end = max(0, size - int(found[3])), size
    elif found[2]:
        begin, end = int(found[1]), int(found[2]) + 1
    else:
        begin = int(found[1])
        end = begin + _MOST_OF_OPEN if is_played else size
    end = min(end, size, *([begin + _MOST_OF_RANGE] if is_played else []))
    return (begin, end) if begin < end else None


def _begun(pieces: "_Pieces", *, content_type: str) -> HttpResponseBase:
    if not _room.acquire(blocking=False):
        raise NoRoomError("Too many files are being fetched from storages at once. Try again in a moment.")
    try:
        with suspended_deadline(), deadline(_BEGIN_S):
            first = pieces.begin()
    except BaseException:
        pieces.close()
        raise
    if pieces.is_over:
        pieces.close()
        return HttpResponse(first, content_type=content_type)
    return StreamingHttpResponse(pieces, content_type=content_type)


class _Pieces:
    """Reads a stretch piece by piece; gives its room back when it is closed, begun or not."""

    def __init__(self, read: Read, begin: int, end: int, *, longest_s: float | None) -> None:
        self._read, self._at, self._end = read, begin, end
        self._until = None if longest_s is None else time.monotonic() + longest_s
        self._first = b""
        self._has_room = True

    @property
    def is_over(self) -> bool:
        """All of it has been read."""
        return self._at >= self._end

    def begin(self) -> bytes:
        """Read the first piece, and return it."""
        self._first = self._next()
        return self._first

    def _next(self) -> bytes:
        length = min(_PIECE, self._end - self._at)
        piece = self._read(self._at, length)[:length]
        self._at += len(piece)
        return piece

    def __iter__(self) -> Iterator[bytes]:
        piece, self._first = self._first, b""
        while piece:
            yield piece
            if self._until is not None and time.monotonic() > self._until:
                # Whoever still wants it asks for the rest.
                return
            # Whoever waits for it has been answered: nobody's deadline holds any more.
            with suspended_deadline():
                piece = b"" if self.is_over else self._next()

    def close(self) -> None:
        """Let others have the room; Django calls it when the answer is over."""
        if self._has_room:
            self._has_room = False
            _room.release()
