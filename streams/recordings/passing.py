"""Passing on what a store has that makes no links of its own, such as an SFTP server: through the web program."""

import re
import threading
from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from livehub.core.deadline import deadline, suspended_deadline
from streams.recordings.models import Recording
from streams.recordings.stores.base import Store
from streams.recordings.storing import store_of

_PIECE = 4 * 1024 * 1024
# Each holds a thread of the web program for as long as its reader takes, and others are not to wait for those.
_AT_ONCE = 4
# For the first piece, before anything is answered.
_BEGIN_S = 15.0
_RANGE = re.compile(r"bytes=(\d{1,15})?-(\d{1,15})?")
_room = threading.BoundedSemaphore(_AT_ONCE)


class NoRoomError(Exception):
    """As many are being passed on as this machine does at once; the message says so."""


def passed_on(request: HttpRequest, recording: Recording) -> HttpResponseBase:
    """Return the answer with the file, or with the part of it that is asked for.

    :raises StoreError: when the store does not give it.
    :raises NoRoomError: when too many are being passed on.
    """
    size = recording.size or 0
    found = _range_of(request.headers.get("Range", ""), size=size)
    if found is None:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    start, end, is_part = found
    response: HttpResponseBase = HttpResponse(content_type="video/mp4")
    if request.method != "HEAD":
        response = StreamingHttpResponse(_begun(recording, start, end), content_type="video/mp4")
    response.status_code = 206 if is_part else 200
    response["Content-Length"] = str(end - start)
    response["Accept-Ranges"] = "bytes"
    if is_part:
        response["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return response


def _begun(recording: Recording, start: int, end: int) -> "_Pieces":
    if not _room.acquire(blocking=False):
        raise NoRoomError("Too many recordings are being fetched from storages at once. Try again in a moment.")
    pieces = _Pieces(recording.object_name, start, end)
    try:
        with suspended_deadline(), deadline(_BEGIN_S):
            pieces.begin(store_of(recording))
    except BaseException:
        pieces.close()
        raise
    return pieces


def _range_of(asked: str, *, size: int) -> tuple[int, int, bool] | None:
    """Return from where to where, and whether that is a part; None when there is none of it.

    What is no single range of bytes stands for the whole file. Source: RFC 9110, 14.
    """
    found = _RANGE.fullmatch(asked.strip())
    if found is None or found[1] is found[2] is None:
        return 0, size, False
    if found[1] is None:
        start, end = max(0, size - int(found[2])), size
    else:
        start, end = int(found[1]), min(size, int(found[2] or size) + 1)
        if found[2] is not None and int(found[2]) < start:
            return 0, size, False
    return (start, end, True) if start < end else None


class _Pieces:
    """Fetches a stretch of an object piece by piece; gives its room back when it is closed, begun or not."""

    def __init__(self, name: str, start: int, end: int) -> None:
        self._name, self._at, self._end = name, start, end
        self._store: Store | None = None
        self._first = b""
        self._has_room = True

    def begin(self, store: Store) -> None:
        """Fetch the first piece.

        :raises StoreError: when the store does not give it.
        """
        self._store = store
        self._first = self._next()

    def _next(self) -> bytes:
        assert self._store is not None  # noqa: S101  # It has begun.
        length = min(_PIECE, self._end - self._at)
        piece = self._store.read(self._name, offset=self._at, length=length)[:length]
        self._at += len(piece)
        return piece

    def __iter__(self) -> Iterator[bytes]:
        piece, self._first = self._first, b""
        while piece:
            yield piece
            # Whoever waits for it has been answered: nobody's deadline holds any more.
            with suspended_deadline():
                piece = self._next() if self._at < self._end else b""

    def close(self) -> None:
        if self._has_room:
            self._has_room = False
            _room.release()
