"""What players and others may send, through the real edge: each is answered, and its line is counted or rejected."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics.counting.batch import LogBatch, Position
from analytics.counting.counter import ViewCounter
from analytics.counting.identity import Salts
from analytics.object_lengths import ObjectLengths
from tests.analytics.counted_edges import CountedEdge, counted_edge
from tests.analytics.crowds import SESSION
from tests.services import HANG_S, wait_until

_BROWSER = b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
# Two headers of it are longer than any line that is read; nginx takes each.
_LONG = b"x" * 5000
_ODD = {
    "an id in quotes and backslashes": [_BROWSER, rb'CMCD-Session: sid="a\"b\\c"'],
    "an id of no characters": [_BROWSER, b'CMCD-Session: sid=""'],
    "an id that is too long": [_BROWSER, b'CMCD-Session: sid="' + _LONG + b'"'],
    "an id that is no text": [_BROWSER, b'CMCD-Session: sid="\xff\xfe\x80"'],
    "an agent that is no text": [b"User-Agent: \xff\xfe\x01\x1f\x7f"],
    "an agent that ends the line": [rb'User-Agent: x","s":404,"b":0,"e":"report"}{"t":1'],
    "no agent": [],
    "another one's playback id": [_BROWSER, b"X-Playback-Session-Id: ../../pb_other"],
    "a time that is none": [_BROWSER, b'CMCD-Session: sid="one",ts=NaN,st=-1e999'],
}
_TOO_LONG = {
    "headers without end": [b"User-Agent: " + _LONG, b'CMCD-Session: sid="' + _LONG + b'"'],
}


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[CountedEdge]:
    with counted_edge(tmp_path, session=SESSION, segments=2) as running:
        yield running


def _get(edge: CountedEdge, headers: list[bytes], *, query: bytes = b"", name: str = "1-0.m4s") -> bytes:
    """Return the answer's first line to what httpx would not send."""
    path = f"/playback/pb_crowd/{SESSION}/v0/{name}".encode()
    lines = [b"GET " + path + query + b" HTTP/1.1", b"Host: localhost", b"Connection: close", *headers, b"", b""]
    with socket.create_connection(("127.0.0.1", edge.instance.http_port), timeout=HANG_S) as connection:
        connection.sendall(b"\r\n".join(lines))
        with connection.makefile("rb") as answer:
            first, _ = answer.readline(), answer.read()
    return first.strip()


def _counted(edge: CountedEdge, sent: int) -> LogBatch:
    """Return what is counted of so many lines, when nginx has written them."""
    log = edge.instance.media_log
    wait_until(lambda: log.exists() and log.read_bytes().count(b"\n") >= sent, what="all lines")
    counting = ViewCounter(
        salts=Salts({int(time.time() // 86400): b"salt"}),
        measure=ObjectLengths(edge.instance.playback_dir).measure,
        country_of=lambda _: None,
    )
    counting.feed(log.read_bytes().splitlines(), now_ms=time.time_ns() // 1_000_000)
    return counting.batch(edge="main", after=Position(), until=Position())


def test_a_part_that_is_there_counts_as_a_segment_does(edge: CountedEdge) -> None:
    for name in ("1-0.m4s", "1-1.0.m4s", "1-1.1.m4s"):
        assert _get(edge, [_BROWSER], name=name) == b"HTTP/1.1 200 OK"

    batch = _counted(edge, 3)

    assert (batch.lines, batch.rejected) == (3, {})


def test_are_answered_and_counted_or_rejected(edge: CountedEdge) -> None:
    for name, headers in {**_ODD, **_TOO_LONG}.items():
        assert _get(edge, headers) == b"HTTP/1.1 200 OK", name
    for query in (b"?CMCD=sid%3D%22q%22", b"?CMCD=%zz%00%ff", b"?CMCD=" + _LONG, b"?" + b"a=b&" * 1000):
        assert _get(edge, [_BROWSER], query=query) == b"HTTP/1.1 200 OK"
    # Longer than nginx reads.
    assert _get(edge, [_BROWSER, b"CMCD-Session: " + _LONG * 2]) == b"HTTP/1.1 400 Bad Request"
    sent = len(_ODD) + len(_TOO_LONG) + 4

    batch = _counted(edge, sent)

    assert (batch.lines, batch.rejected) == (sent - len(_TOO_LONG), {"long": len(_TOO_LONG)})
    # Those with an id, and who share an address and an agent: nobody is another one for what cannot be read.
    assert sorted(view.identity for view in batch.views if view.identity != "address") == ["cmcd"] * 3
