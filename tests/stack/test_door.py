"""Who is let in over RTMP, for how long, and at what cost: the real nginx and the gate before it."""

import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from livehub.gate import Answers
from livehub.stack.ingest import render_ingest
from livehub.stack.nginx import Host
from tests import rtmp
from tests.rtmp import Peer, peer, peer_over_tls
from tests.services import running, wait_until
from tests.stack.door import WRONG_KEY, Door, running_door
from tests.stack.instances import fresh_instance

STARTED, ENDED = b"NetStream.Publish.Start", b"NetStream.Unpublish.Success"
HANDSHAKE = bytes(3073)
PROMISED_S = 15
PROMISED_BYTES = 16 * 1024 * 1024
PER_ADDRESS = 50
# Sooner than strangers are cut who do nothing.
AT_ONCE_S = 8


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder: Path = tmp_path_factory.mktemp("door")
    with running_door(fresh_instance(folder), folder) as running:
        yield running


def begin_message(stranger: Peer) -> None:
    stranger.connect()
    stranger.connection.sendall(rtmp.header(chunk_stream=4, kind=8, size=100_000))


def claim_to_publish(stranger: Peer) -> None:
    stranger.shake_hands(STARTED * 60)


def publish_and_stop(stranger: Peer) -> None:
    publish(stranger, key="stopping")
    stranger.stop_publishing()
    stranger.await_word(ENDED)


def publish(encoder: Peer, *, key: str) -> None:
    encoder.connect()
    encoder.publish(key)
    encoder.await_word(STARTED)


def say_nothing(stranger: Peer) -> None:
    """Not even that one speaks RTMP."""


@dataclass(frozen=True)
class Visit:
    """What a stranger does at first, and then twice a second for as long as it is let."""

    begin: Callable[[Peer], None]
    keep_on: Callable[[Peer], None] = say_nothing
    is_over_tls: bool = False


def dribble(stranger: Peer) -> None:
    stranger.connection.send(b"\x03")


VISITS = {
    "silent": Visit(say_nothing),
    "dribbles its handshake": Visit(dribble, dribble),
    "shakes hands": Visit(Peer.shake_hands),
    "claims to publish": Visit(claim_to_publish),
    "connects": Visit(Peer.connect),
    "sends half a message": Visit(begin_message),
    "dribbles a message": Visit(begin_message, dribble),
    "stops publishing": Visit(publish_and_stop),
    "connects over TLS": Visit(Peer.connect, is_over_tls=True),
}


@dataclass(frozen=True)
class Outcome:
    """When each stranger was cut, and whether those were not that are none."""

    cut_after_s: dict[str, float]
    is_publisher_there: bool
    is_pull_there: bool


@pytest.fixture(scope="module")
def outcome(door: Door) -> Outcome:
    """All of them at once, beside an encoder that pauses, and our own pull from it."""
    ports, own = door.instance, door.instance.own_address
    with ExitStack() as held:
        publisher = held.enter_context(peer(ports.rtmp_port))
        publish(publisher, key="paused")
        pull = held.enter_context(peer(ports.rtmp_port, host=own))
        pull.connect()
        pull.play("paused")
        silent_tls = held.enter_context(peer(ports.rtmps_port, source="127.0.0.8"))
        strangers = {"never ends its TLS handshake": (Visit(say_nothing), silent_tls)}
        for name, visit in VISITS.items():
            opened = peer_over_tls(ports.rtmps_port) if visit.is_over_tls else peer(ports.rtmp_port)
            strangers[name] = visit, held.enter_context(opened)
        cut_after_s = _wait_for_all(strangers, publisher)
        return Outcome(cut_after_s, not publisher.is_cut(), not pull.is_cut() and b"NetStream.Play.Start" in pull.heard)


def _wait_for_all(strangers: dict[str, tuple[Visit, Peer]], publisher: Peer) -> dict[str, float]:
    began = {}
    for name, (visit, stranger) in strangers.items():
        visit.begin(stranger)
        began[name] = time.monotonic()
    cut_after_s: dict[str, float] = {}
    for tick in range(80):
        # nginx-rtmp itself cuts an encoder after 5 s without anything; this one is muted for 4 s at a time.
        if tick % 8 == 0:
            publisher.send_video()
        for name in strangers.keys() - cut_after_s.keys():
            visit, stranger = strangers[name]
            if stranger.is_cut():
                cut_after_s[name] = time.monotonic() - began[name]
            else:
                visit.keep_on(stranger)
        if len(cut_after_s) == len(strangers):
            break
        time.sleep(0.5)
    return cut_after_s


class TestTime:
    @pytest.mark.parametrize("stranger", [*VISITS, "never ends its TLS handshake"])
    def test_whoever_does_not_publish_is_cut_in_time(self, outcome: Outcome, stranger: str) -> None:
        assert outcome.cut_after_s[stranger] <= PROMISED_S

    def test_whoever_publishes_is_not(self, outcome: Outcome) -> None:
        assert max(outcome.cut_after_s.values()) > 9
        assert outcome.is_publisher_there

    def test_what_we_pull_is_not(self, outcome: Outcome) -> None:
        assert outcome.is_pull_there

    def test_a_wrong_key_is_cut_at_once(self, door: Door) -> None:
        with peer(door.instance.rtmp_port) as guesser:
            guesser.connect()
            guesser.publish(WRONG_KEY)
            guesser.await_end(timeout_s=AT_ONCE_S)

        assert STARTED not in guesser.heard


class TestMemory:
    @pytest.mark.parametrize("chunk", [1, 128, 60_000])
    def test_messages_that_are_never_complete_cost_little(self, door: Door, chunk: int) -> None:
        before = door.memory_bytes()
        with ExitStack() as held:
            for _ in range(PER_ADDRESS // 2):
                _begin_all_messages(held.enter_context(peer(door.instance.rtmp_port, source="127.0.0.9")), chunk=chunk)
            time.sleep(1)
            each = (door.memory_bytes() - before) / (PER_ADDRESS // 2)

        assert each <= PROMISED_BYTES / 4

    def test_a_key_frame_of_4k_passes(self, door: Door) -> None:
        with peer(door.instance.rtmp_port) as encoder:
            publish(encoder, key="large")
            encoder.connection.sendall(rtmp.chunk_size(60_000))
            encoder.send_video(7_500_000, chunk=60_000)

            wait_until(lambda: _bytes_in(door, "large") > 7_500_000, what="the frame")
            assert not encoder.is_cut()


def _begin_all_messages(stranger: Peer, *, chunk: int) -> None:
    stranger.connect()
    stranger.connection.setblocking(False)
    # The rest finds nobody who reads it.
    stranger.connection.send(
        rtmp.half_messages(size=8_000_000, chunk_streams=range(2, 16), bytes_each=200_000, chunk=chunk)
    )


def _bytes_in(door: Door, name: str) -> int:
    publisher = door.server.find_publisher(name)
    return publisher.bytes_in if publisher else 0


class TestNumbers:
    def test_one_address_has_50_connections_and_another_one_is_served(self, door: Door) -> None:
        with ExitStack() as held:
            for _ in range(PER_ADDRESS):
                held.enter_context(peer(door.instance.rtmp_port, source="127.0.0.7"))
            refused = held.enter_context(peer(door.instance.rtmp_port, source="127.0.0.7"))
            refused.await_end(timeout_s=AT_ONCE_S)
            served = held.enter_context(peer(door.instance.rtmps_port, source="127.0.0.8"))
            publish(held.enter_context(peer(door.instance.rtmp_port, source="127.0.0.8")), key="neighbour")

            assert refused.heard == b""
            assert not served.is_cut()

    def test_our_own_pulls_are_not_counted(self, door: Door) -> None:
        with ExitStack() as held:
            for _ in range(PER_ADDRESS + 10):
                held.enter_context(peer(door.instance.rtmp_port, host=door.instance.own_address)).shake_hands()

    def test_a_network_of_ipv6_counts_as_one_address(self, tmp_path: Path) -> None:
        """Clients whose addresses this machine does not have: told to nginx as a proxy would."""
        instance = fresh_instance(tmp_path)
        listen = f"listen 127.0.0.1:{instance.rtmp_port}"
        believing = render_ingest(instance, Host.current()).replace(
            f"{listen};", f"{listen} proxy_protocol; set_real_ip_from 127.0.0.1;"
        )
        with running_door(instance, tmp_path, config=believing), ExitStack() as held:

            def come(address: str) -> Peer:
                client = held.enter_context(peer(instance.rtmp_port))
                client.connection.sendall(f"PROXY TCP6 {address} ::1 40000 1935\r\n".encode())
                return client

            for number in range(PER_ADDRESS):
                come(f"2001:db8:a0a:a0a:{number}::1")
            come("2001:db8:a0a:a0a:ffff::1").await_end(timeout_s=AT_ONCE_S)
            come("2001:db8:a0a:a0b::1").shake_hands()

    def test_a_crowd_of_strangers_makes_way_for_an_encoder(self, tmp_path: Path) -> None:
        with running_door(fresh_instance(tmp_path), tmp_path, strangers=3) as door, ExitStack() as held:
            port = door.instance.rtmp_port
            crowd = [held.enter_context(peer(port)) for _ in range(3)]
            for stranger in crowd:
                stranger.shake_hands()
            encoder = held.enter_context(peer(port))
            publish(encoder, key="welcome")
            for _ in range(4):
                held.enter_context(peer(port)).shake_hands()

            assert [stranger.is_cut() for stranger in crowd] == [True] * 3
            assert not encoder.is_cut()


def test_listens_where_rtmp_is_bound_to_and_nowhere_else(tmp_path: Path) -> None:
    instance = replace(fresh_instance(tmp_path), rtmp_bind="127.0.0.4")
    with running_door(instance, tmp_path):
        for port in (instance.rtmp_port, instance.rtmps_port):
            with socket.socket() as probe:
                assert probe.connect_ex(("127.0.0.1", port)) != 0
        for host in ("127.0.0.4", instance.own_address):
            with peer(instance.rtmp_port, host=host) as encoder:
                encoder.shake_hands()


def test_the_hook_hears_of_everybodys_own_address(door: Door) -> None:
    with (
        peer(door.instance.rtmp_port, source="127.0.0.21") as plain,
        peer_over_tls(door.instance.rtmps_port, source="127.0.0.22") as secure,
    ):
        publish(plain, key="plain")
        publish(secure, key="secure")

    assert (door.addresses["plain"], door.addresses["secure"]) == ("127.0.0.21", "127.0.0.22")


class TestAnswers:
    def test_a_word_counts_however_it_is_cut(self) -> None:
        answers = Answers()
        for byte in HANDSHAKE + b".." + STARTED:
            assert not answers.is_publishing
            answers.read(bytes([byte]))

        assert answers.is_publishing

    def test_the_last_word_counts(self) -> None:
        answers = Answers()
        answers.read(HANDSHAKE + STARTED + ENDED + STARTED + ENDED)
        assert not answers.is_publishing

        answers.read(STARTED)
        assert answers.is_publishing

    def test_what_the_handshake_repeats_does_not_count(self) -> None:
        answers = Answers()
        answers.read((STARTED * 200)[: len(HANDSHAKE)])

        assert not answers.is_publishing


# Whoever comes stops its event loop.
_BLOCKED_GATE = """
import sys
import time
from livehub import gate

gate.Client.connection_made = lambda self, transport: time.sleep(60)
gate.main(*sys.argv[1:])
"""


def test_the_gate_beats_from_its_event_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heartbeat, gate_socket = tmp_path / "gate.beat", tmp_path / "gate.sock"
    monkeypatch.setenv("LIVEHUB_HEARTBEAT", str(heartbeat))
    argv = [sys.executable, "-c", _BLOCKED_GATE, str(gate_socket), "127.0.0.1:1", "10"]

    with running(argv, log_path=tmp_path / "gate.log"), socket.socket(socket.AF_UNIX) as stranger:
        wait_until(lambda: gate_socket.exists() and heartbeat.exists(), what="a heartbeat")
        stranger.connect(str(gate_socket))
        wait_until(lambda: time.time() - heartbeat.stat().st_mtime > 5, what="silence")
