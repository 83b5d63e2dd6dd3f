"""HTTPS for a program that speaks plain HTTP alone: what it gets to read, and which servers are spoken HTTPS to."""

import asyncio
from pathlib import Path

import httpx
import pytest

from livehub.core.egress import open_permit
from livehub.proxying import read_request
from livehub.upgrading import TooManyServersError, Upgrades, pass_beginning
from tests.egress.proxies import egress_proxy, shelf
from tests.services import HANG_S
from tests.webhooks.certificates import Authority

PLAYLIST = b"#EXTM3U\nhttps://cdn.example.com/0.ts\n"
PLAIN = b"#EXTM3U\nhttp://cdn.example.com:443/0.ts\n"


class Sink:
    """Takes what is written, in place of a connection."""

    def __init__(self) -> None:
        self.written = b""

    def write(self, content: bytes) -> None:
        self.written += content


def passed(answer: bytes, upgrades: Upgrades, *, is_secure: bool = False) -> tuple[bytes, bytes | None]:
    """Return what a program gets of an answer at once, and what is left to be passed on, None where nothing is."""

    async def run() -> tuple[bytes, bytes | None]:
        reader, sink = asyncio.StreamReader(), Sink()
        reader.feed_data(answer)
        reader.feed_eof()
        has_more = await pass_beginning(reader, sink, upgrades, is_secure=is_secure)  # type: ignore[arg-type]
        return sink.written, await reader.read() if has_more else None

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("text", "plain", "server"),
    [
        (b"https://a.example/0.ts?b=c", b"http://a.example:443/0.ts?b=c", ("a.example", 443)),
        (b"https://A.example:8443/0.ts", b"http://A.example:8443/0.ts", ("a.example", 8443)),
        (b"https://ann:secret@a.example/0", b"http://ann:secret@a.example:443/0", ("a.example", 443)),
        (b'URI="https://[2001:db8::1]/0"', b'URI="http://[2001:db8::1]:443/0"', ("2001:db8::1", 443)),
    ],
)
def test_addresses_are_plain_and_known_to_mean_https(text: bytes, plain: bytes, server: tuple[str, int]) -> None:
    upgrades = Upgrades()

    assert upgrades.rewritten(b"#EXTM3U\n" + text, is_secure=False) == b"#EXTM3U\n" + plain
    assert upgrades.servers == {server}
    assert upgrades.means_https(server[0].upper(), server[1])
    assert not upgrades.means_https(server[0], 80)


def test_what_has_no_scheme_goes_as_what_names_it() -> None:
    upgrades, text = Upgrades(), b'//cdn.example.com/0.ts\nURI="//k.example/a"\n0.ts?next=//other.example/\n'

    assert upgrades.rewritten(text, is_secure=False) == text
    assert upgrades.rewritten(text, is_secure=True) == (
        b'http://cdn.example.com:443/0.ts\nURI="http://k.example:443/a"\n0.ts?next=//other.example/\n'
    )


def test_nobody_names_servers_without_end() -> None:
    names = b"\n".join(b"https://%d.example/" % number for number in range(300))

    with pytest.raises(TooManyServersError):
        Upgrades().rewritten(names, is_secure=False)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Type: x\r\nContent-Length: %d\r\n\r\n%s" % (len(PLAYLIST), PLAYLIST),
        b"HTTP/1.1 200 OK\r\nContent-Type: x\r\n\r\n" + PLAYLIST,
        b"HTTP/1.1 200 OK\r\nContent-Type: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\n#EX\r\n%x;a=b\r\n%s\r\n0\r\n\r\n" % (len(PLAYLIST) - 3, PLAYLIST[3:]),
    ],
)
def test_playlists_are_read_however_they_come(answer: bytes) -> None:
    written, left = passed(answer, Upgrades())

    assert written == (
        b"HTTP/1.1 200 OK\r\nContent-Type: x\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(PLAIN), PLAIN)
    )
    assert left is None


def test_playlists_may_begin_with_a_byte_order_mark() -> None:
    mark, upgrades = b"\xef\xbb\xbf", Upgrades()

    written, _ = passed(b"HTTP/1.1 200 OK\r\n\r\n" + mark + PLAYLIST, upgrades)

    assert written.endswith(b"\r\n\r\n" + mark + PLAIN)
    assert upgrades.means_https("cdn.example.com", 443)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nmedia that says https://a.b/c!",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nme\r\n1c\r\ndia that says https://a.b/c!\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
        b"no HTTP at all",
    ],
)
def test_all_else_stays_as_it_is(answer: bytes) -> None:
    upgrades = Upgrades()

    written, left = passed(answer, upgrades)

    assert written + (left or b"") == answer
    assert upgrades.servers == set()


def test_redirects_are_plain() -> None:
    upgrades = Upgrades()
    answer = b"HTTP/1.1 302 Found\r\nlocation: https://cdn.example.com/a\r\nContent-Length: 0\r\n\r\n"

    written, _ = passed(answer, upgrades)

    assert b"\r\nlocation: http://cdn.example.com:443/a\r\n" in written
    assert upgrades.means_https("cdn.example.com", 443)


@pytest.mark.parametrize("is_secure", [True, False])
def test_redirects_without_a_scheme_go_as_they_came(is_secure: bool) -> None:
    upgrades = Upgrades()
    answer = b"HTTP/1.1 302 Found\r\nLocation: //cdn.example.com/a\r\nContent-Length: 0\r\n\r\n"

    written, _ = passed(answer, upgrades, is_secure=is_secure)

    place = b"http://cdn.example.com:443/a" if is_secure else b"//cdn.example.com/a"
    assert b"\r\nLocation: " + place + b"\r\n" in written
    assert upgrades.means_https("cdn.example.com", 443) is is_secure


def test_a_server_is_told_its_name_without_the_usual_port() -> None:
    async def read() -> bytes:
        reader = asyncio.StreamReader()
        reader.feed_data(b"GET http://cdn.example.com:443/a?b HTTP/1.1\r\nRange: bytes=0-\r\n\r\n")
        request = await read_request(reader)
        assert request is not None
        return request.sent(is_secure=True)

    assert asyncio.run(read()).startswith(b"GET /a?b HTTP/1.1\r\nHost: cdn.example.com\r\nRange: bytes=0-\r\n")


@pytest.mark.parametrize("flaw", ["", "unknown"])
def test_the_proxy_speaks_it_to_servers_that_it_trusts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flaw: str
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    with egress_proxy(tmp_path) as path, shelf(authority.server(flaw)) as server, open_permit(path) as permit:
        server.files["/a"] = b"its bytes"
        permit.upgrade("127.0.0.1", server.port, is_secure=True)
        with httpx.Client(proxy=permit.proxy_url, timeout=HANG_S, trust_env=False) as client:
            answer = client.get(f"http://127.0.0.1:{server.port}/a")
        failure = permit.failure()

    assert (answer.status_code, answer.content) == ((502, b"") if flaw else (200, b"its bytes"))
    assert ("is not trusted" in failure) is bool(flaw)
