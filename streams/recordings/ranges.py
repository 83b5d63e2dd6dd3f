"""Answering with bytes that lie elsewhere: all of them, or the range that was asked for. Source: RFC 9110, 14."""

import re
from collections.abc import Callable, Iterator

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

# One range, as players ask; what else is asked for is answered with all.
_RANGE = re.compile(r"bytes=(?:[0-9]{1,18}-[0-9]{0,18}|-[0-9]{1,18})")
# Read and handed on at a time.
_PIECE = 4 * 1024 * 1024
# Of a range without an end, which players break off as it suits them: they ask for the next one.
_MOST_OF_OPEN = 16 * 1024 * 1024

Read = Callable[[int, int], bytes]


def answer_bytes(request: HttpRequest, *, read: Read, size: int, content_type: str) -> HttpResponseBase:
    """Answer a GET or HEAD; `read` takes an offset and a length, and returns those bytes of `size`.

    The first of them are read before anything is answered: what `read` raises then goes on to the caller.
    """
    header = request.headers.get("Range", "")
    asked = _asked(header, size=size) if _RANGE.fullmatch(header) else (0, size)
    if asked is None:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    begin, end = asked
    response = _body(request, read, begin, end, content_type=content_type)
    response["Accept-Ranges"] = "bytes"
    response["Content-Length"] = str(end - begin)
    if _RANGE.fullmatch(header):
        response.status_code = 206
        response["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
    return response


def _asked(header: str, *, size: int) -> tuple[int, int] | None:
    """Return where what is asked for begins and ends, None where there is nothing there."""
    first, last = header.removeprefix("bytes=").split("-")
    if first:
        begin, end = int(first), int(last) + 1 if last else int(first) + _MOST_OF_OPEN
    else:
        # So many last ones.
        begin, end = max(0, size - int(last)), size
    end = min(end, size)
    return (begin, end) if begin < end else None


def _body(request: HttpRequest, read: Read, begin: int, end: int, *, content_type: str) -> HttpResponseBase:
    if request.method == "HEAD":
        return HttpResponse(content_type=content_type)
    first = read(begin, min(_PIECE, end - begin))
    if begin + len(first) >= end:
        return HttpResponse(first, content_type=content_type)
    return StreamingHttpResponse(_pieces(first, read, begin + len(first), end), content_type=content_type)


def _pieces(first: bytes, read: Read, begin: int, end: int) -> Iterator[bytes]:
    yield first
    for at in range(begin, end, _PIECE):
        yield read(at, min(_PIECE, end - at))
