"""The way out: what may be gone to, how long it may take, and how much is read."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from ipaddress import ip_address, ip_network

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from livehub.core import networks
from livehub.core.networks import is_refused
from livehub.core.outgoing import ANSWER_BYTES, NoAnswerError, Received, open_client, tls_context
from tests.webhooks.certificates import Authority
from tests.webhooks.receiver import Receiver, Reply

_LOOPBACK = ("127.0.0.0/8",)


class Names(AbstractResolver):
    """In place of the DNS: each name's addresses, one list after the other."""

    def __init__(self, **names: Sequence[Sequence[str]]) -> None:
        self._names = {name.replace("_", "."): list(answers) for name, answers in names.items()}

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[ResolveResult]:
        if host not in self._names:
            raise OSError(None, "Domain name not found")
        answers = self._names[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [_resolved(host, address, port) for address in addresses]

    async def close(self) -> None:
        pass


def _resolved(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)


def send(
    url: str,
    *,
    allowed: Sequence[str] = (),
    names: AbstractResolver | None = None,
    timeout_s: float = 5,
    count: int = 1,
) -> Received:
    """Send the same request `count` times over one client; return the last answer."""

    async def go() -> Received:
        async with open_client(allowed=allowed, user_agent="LiveHub", resolver=names) as client:
            for _ in range(count):
                answer = await client.post(url, body=b"{}", headers={}, timeout_s=timeout_s)
            return answer

    return asyncio.run(go())


def complaint(
    url: str, *, allowed: Sequence[str] = (), names: AbstractResolver | None = None, timeout_s: float = 5
) -> str:
    with pytest.raises(NoAnswerError) as caught:
        send(url, allowed=allowed, names=names, timeout_s=timeout_s)
    return str(caught.value)


_NAMES: Mapping[str, Sequence[Sequence[str]]] = {
    "inside_example": [["127.0.0.1"]],
    "metadata_example": [["169.254.169.254"]],
    "mapped_example": [["::ffff:127.0.0.1"]],
    "both_example": [["::1", "127.0.0.1"]],
    "private_example": [["10.1.2.3"]],
    "nat64_example": [["64:ff9b::7f00:1"]],
}


class TestHostileUrls:
    @pytest.mark.parametrize(
        "url",
        [
            "http://127.0.0.1:{port}/",
            "http://127.0.0.2:{port}/",
            "http://127.1:{port}/",
            "http://2130706433:{port}/",
            "http://0x7f000001:{port}/",
            "http://0x7f.0.0.1:{port}/",
            "http://0177.0.0.1:{port}/",
            "http://0:{port}/",
            "http://0.0.0.0:{port}/",
            "http://①②⑦.⓪.⓪.①:{port}/",
            "http://localhost:{port}/",
            "http://localhost.:{port}/",
            "http://LOCALHOST:{port}/",
            "http://[::1]:{port}/",
            "http://[::]:{port}/",
            "http://[::ffff:127.0.0.1]:{port}/",
            "http://[::ffff:7f00:1]:{port}/",
            "http://[::127.0.0.1]:{port}/",
            "http://[64:ff9b::127.0.0.1]:{port}/",
            "http://[2002:7f00:1::]:{port}/",
            "http://[fe80::1%25lo]:{port}/",
            "http://[fec0::1]:{port}/",
            "http://[fd00:ec2::254]:{port}/",
            "http://169.254.169.254:{port}/latest/meta-data/",
            "http://168.63.129.16:{port}/",
            "http://10.0.0.1:{port}/",
            "http://100.100.100.200:{port}/",
            "http://224.0.0.1:{port}/",
            "http://255.255.255.255:{port}/",
            "http://user:password@127.0.0.1:{port}/",
            "http://example.com@127.0.0.1:{port}/",
            "http://127.0.0.1\\@example.invalid:{port}/",
            "http://127.0.0.1#@example.invalid:{port}/",
            "file:///etc/passwd",
            "gopher://127.0.0.1:{port}/",
            "unix:///tmp/socket",
            "//127.0.0.1:{port}/",
            "http://",
            "http://[::1/",
            "http://127.0.0.1:99999/",
        ],
    )
    def test_reach_nothing_inside(self, receiver: Receiver, url: str) -> None:
        assert complaint(url.format(port=receiver.port), timeout_s=10)

        assert receiver.connections == 0

    @pytest.mark.parametrize("name", sorted(_NAMES))
    def test_reach_nothing_inside_by_names_that_stand_for_it(self, receiver: Receiver, name: str) -> None:
        host = name.replace("_", ".")

        assert "inside this network" in complaint(f"http://{host}:{receiver.port}/", names=Names(**_NAMES))

        assert receiver.connections == 0

    def test_reach_nothing_inside_by_a_name_that_changes_its_mind(self, receiver: Receiver) -> None:
        # Outside for whoever looks it up first, inside a moment later.
        names = Names(rebinding_example=[["198.41.0.4"], ["127.0.0.1"]])
        asyncio.run(names.resolve("rebinding.example"))

        assert "inside this network" in complaint(f"http://rebinding.example:{receiver.port}/", names=names)

        assert receiver.connections == 0

    def test_reach_nothing_inside_by_a_redirect(self, receiver: Receiver) -> None:
        with Receiver().open() as outside:
            outside.behave = lambda _: Reply(307, {"location": receiver.url})

            answer = send(outside.url, allowed=_LOOPBACK)

        assert answer.status == 307
        assert receiver.connections == 0

    def test_go_through_no_proxy(self, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
        with Receiver().open() as proxy:
            for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")

            send(receiver.url, allowed=_LOOPBACK)

            assert proxy.connections == 0


class TestNetworks:
    @pytest.mark.parametrize(
        "text",
        ["8.8.8.8", "1.1.1.1", "198.41.0.4", "2606:4700:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8"],
    )
    def test_lets_the_internet_be_gone_to(self, text: str) -> None:
        assert not is_refused(ip_address(text), allowed=[])

    @pytest.mark.parametrize(
        "text",
        ["168.63.129.16", "192.0.0.192", "192.88.99.1", "2001::1", "2001:db8::1", "3fff::1", "ff02::1", "5f00::1"],
    )
    def test_refuses_what_is_nobodys(self, text: str) -> None:
        assert is_refused(ip_address(text), allowed=[])

    def test_lets_what_is_allowed_be_gone_to_and_nothing_beside_it(self) -> None:
        allowed = [ip_network("10.1.2.0/24"), ip_network("fd00::/8")]

        assert not is_refused(ip_address("10.1.2.3"), allowed=allowed)
        assert not is_refused(ip_address("::ffff:10.1.2.3"), allowed=allowed)
        assert not is_refused(ip_address("fd12::1"), allowed=allowed)
        assert is_refused(ip_address("10.1.3.3"), allowed=allowed)

    def test_refuses_this_machines_own_addresses_wherever_they_are(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(networks, "REFUSED_NETWORKS", ())

        assert is_refused(ip_address("127.0.0.1"), allowed=[])
        assert not is_refused(ip_address("198.41.0.4"), allowed=[])

    def test_says_what_to_allow(self, receiver: Receiver) -> None:
        said = complaint(receiver.url)

        assert said == "address is inside this network: 127.0.0.1; allow it by LIVEHUB_OUTGOING_ALLOWED_NETWORKS"

    def test_does_not_tell_which_address_a_name_inside_stands_for(self) -> None:
        said = complaint("http://private.example/", names=Names(**_NAMES))

        assert "10.1.2.3" not in said
        assert said.endswith("inside this network; allow it by LIVEHUB_OUTGOING_ALLOWED_NETWORKS")


class TestPorts:
    @pytest.mark.parametrize("port", [0, 22, 25, 445, 6379])
    def test_of_other_services_are_not_gone_to(self, port: int) -> None:
        words = complaint(f"http://127.0.0.1:{port}/", allowed=_LOOPBACK)

        assert words == f"nothing is sent to port {port}, which is not for the web"

    def test_that_programs_take_requests_at_are(self) -> None:
        assert not networks.REFUSED_PORTS & {80, 443, 3000, 4000, 5000, 8000, 8080, 8443, 8888, 9000}


class TestAnswers:
    def test_are_kept_as_far_as_they_are_worth_it(self, receiver: Receiver) -> None:
        receiver.behave = lambda _: Reply(
            500, {f"x-{number}": "y" * 2000 for number in range(100)}, b"\xff\0" + b"x" * 10_000_000
        )

        answer = send(receiver.url, allowed=_LOOPBACK)

        assert answer.status == 500
        assert len(answer.text) == ANSWER_BYTES
        assert answer.text.startswith("\ufffd\ufffdx")
        assert len(answer.headers) <= 64
        assert all(len(value) <= 512 for value in answer.headers.values())
        assert sum(len(name) + len(value) for name, value in answer.headers.items()) <= 4096

    def test_may_be_longer_than_what_is_read(self, receiver: Receiver) -> None:
        receiver.behave = lambda _: Reply(200, {}, b"x" * 10_000_000)

        assert send(receiver.url, allowed=_LOOPBACK, count=3).status == 200

    def test_may_never_end(self) -> None:
        with _raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 10) as url:
            answer = send(url, allowed=_LOOPBACK)

        assert (answer.status, answer.text) == (200, "x" * 10)

    def test_are_not_unpacked(self, receiver: Receiver) -> None:
        receiver.behave = lambda _: Reply(200, {"content-encoding": "gzip"}, b"not gzip")

        assert send(receiver.url, allowed=_LOOPBACK).text == "not gzip"

    def test_come_after_interim_ones(self) -> None:
        with _raw(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 5 + b"HTTP/1.1 201 X\r\ncontent-length: 0\r\n\r\n") as url:
            assert send(url, allowed=_LOOPBACK).status == 201

    def test_come_over_one_connection(self, receiver: Receiver) -> None:
        send(receiver.url, allowed=_LOOPBACK, count=5)

        assert (len(receiver.received), receiver.connections) == (5, 1)

    def test_come_also_where_a_kept_connection_was_closed_meanwhile(self, receiver: Receiver) -> None:
        # The second request finds its connection broken, and nobody has read it.
        receiver.behave = lambda _: Reply.RESET if len(receiver.received) == 1 else Reply()

        assert send(receiver.url, allowed=_LOOPBACK, count=2).status == 200
        assert receiver.connections == 2

    def test_come_also_where_all_kept_connections_were_closed_meanwhile(self, receiver: Receiver) -> None:
        receiver.behave = lambda _: Reply.RESET if len(receiver.received) in {2, 3} else Reply()

        async def send_all() -> int:
            async with open_client(allowed=_LOOPBACK, user_agent="Test") as client:
                post = partial(client.post, receiver.url, body=b"{}", headers={}, timeout_s=20)
                await asyncio.gather(post(), post())
                return (await post()).status

        assert asyncio.run(send_all()) == 200
        assert receiver.connections == 3

    def test_set_no_cookies(self, receiver: Receiver) -> None:
        receiver.behave = lambda _: Reply(200, {"set-cookie": "a=b"})
        # By a name: those of plain addresses are kept by nobody.
        names = Names(cookies_example=[["127.0.0.1"]])

        send(f"http://cookies.example:{receiver.port}/", allowed=_LOOPBACK, names=names, count=2)

        assert "cookie" not in receiver.received[1].headers


class TestNoAnswer:
    @pytest.mark.parametrize(
        ("reply", "words"),
        [
            (Reply.HANG, "does not answer within 1 s"),
            (Reply.DRIP, "does not answer within 1 s"),
            (Reply.RESET, "connection"),
            (Reply.NOISE, "answers something that is not HTTP"),
        ],
    )
    def test_says_why(self, receiver: Receiver, reply: Reply, words: str) -> None:
        receiver.behave = lambda _: reply
        began_s = time.monotonic()

        assert words in complaint(receiver.url, allowed=_LOOPBACK, timeout_s=1)

        assert time.monotonic() - began_s < 5

    def test_says_that_nobody_listens(self) -> None:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))

            said = complaint(f"http://127.0.0.1:{closed.getsockname()[1]}/", allowed=_LOOPBACK)

        assert said == "refuses connections"

    def test_says_that_a_name_is_unknown(self) -> None:
        assert complaint("http://nowhere.example/", names=Names()) == "the host name nowhere.example cannot be found"

    def test_is_not_waited_for_in_the_dns(self) -> None:
        class Silent(Names):
            async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[ResolveResult]:
                await asyncio.sleep(60)
                return []

        assert "does not answer within 1 s" in complaint("http://slow.example/", names=Silent(), timeout_s=1)

    def test_ends_where_headers_never_do(self) -> None:
        with _raw(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 100_000) as url:
            assert complaint(url, allowed=_LOOPBACK) == "answers something that is not HTTP"

    def test_ends_where_interim_responses_never_do(self) -> None:
        with _raw(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100_000) as url:
            assert complaint(url, allowed=_LOOPBACK) == "answers something that is not HTTP"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    authority = Authority(tmp_path_factory.mktemp("tls"))
    tls_context().load_verify_locations(authority.path)
    return authority


class TestTls:
    @pytest.mark.parametrize(
        ("flaw", "words"),
        [
            ("expired", "its certificate has expired"),
            ("other_host", "its certificate is for another address"),
            ("self_signed", "its certificate is self-signed"),
            ("unknown", "its certificate comes from an authority that is not known here"),
        ],
    )
    def test_refuses_a_certificate_and_says_why(self, authority: Authority, flaw: str, words: str) -> None:
        with Receiver(tls=authority.server(flaw)).open() as receiver:
            said = complaint(receiver.url, allowed=_LOOPBACK)

            assert said.startswith(words)
            assert not receiver.received

    def test_goes_to_one_that_is_right(self, authority: Authority) -> None:
        with Receiver(tls=authority.server("")).open() as receiver:
            assert send(receiver.url, allowed=_LOOPBACK).status == 200

    def test_says_that_no_tls_is_spoken(self) -> None:
        with _raw(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url:
            said = complaint(url.replace("http://", "https://"), allowed=_LOOPBACK)

        assert said.startswith("TLS fails")


@contextmanager
def _raw(answer: bytes) -> Iterator[str]:
    """A server that says this to whoever comes, and nothing more; yields its URL."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def talk() -> None:
            with suppress(OSError), server.accept()[0] as peer:
                peer.recv(4096)
                peer.sendall(answer)
                # Until the other end has had enough.
                peer.recv(1)

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread.join(10)
