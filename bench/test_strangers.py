"""Figures of the way in: a thousand strangers beside a running broadcast, and what they cost.

`make bench`, or `python -m pytest -m bench -s bench/test_strangers.py`.
"""

import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path

import psutil
import pytest

from streams.media.nginx_rtmp import IngestServer
from tests import rtmp
from tests.e2e.client import Integrator, Stream
from tests.e2e.encoder import publishing
from tests.services import wait_until
from tests.stack.door import running_door
from tests.stack.instances import fresh_instance
from tests.stack.whole import RunningStack, running_stack

pytestmark = pytest.mark.bench

_STRANGERS = 1000
_ADDRESSES = 25
_WINDOW_S = 30
_SAMPLE_S = 0.1
# An encoder at 30 frames a second, on a machine that does other things as well.
_GAP_BUDGET_S = 1.0
_CUT_BUDGET_S = 15
_MEMORY_BUDGET_BYTES = 16 * 1024 * 1024
_WELCOME_BUDGET_S = 3
_ALIKE = 500


def _half(*, chunk: int) -> bytes:
    """Return as much of a message on each chunk stream as anybody could want to send, in chunks of so many bytes."""
    return rtmp.half_messages(size=8_000_000, chunk_streams=range(2, 16), bytes_each=20_000, chunk=chunk)


_OPENINGS = {
    "silent": b"",
    "after the handshake": rtmp.handshake(),
    "connected": rtmp.connecting(),
    "half messages, chunks of 1 byte": rtmp.connecting() + _half(chunk=1),
    "half messages, chunks of 128 bytes": rtmp.connecting() + _half(chunk=128),
}


@dataclass
class _Crowd:
    """Strangers who come back when they are cut; how long each was let is kept."""

    port: int
    stayed_s: list[float] = field(default_factory=list)
    _there: list[tuple[socket.socket, float]] = field(default_factory=list)
    _is_over: threading.Event = field(default_factory=threading.Event)

    @property
    def size(self) -> int:
        return len(self._there)

    @contextmanager
    def present(self) -> Iterator[None]:
        thread = threading.Thread(target=self._stay)
        thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            thread.join(timeout=30)

    def _stay(self) -> None:
        openings, numbers = cycle(_OPENINGS.values()), count()
        while not self._is_over.wait(_SAMPLE_S):
            while len(self._there) < _STRANGERS and not self._is_over.is_set():
                self._come(next(openings), source=f"127.0.1.{next(numbers) % _ADDRESSES + 1}")
            self._there = [each for each in self._there if not self._is_cut(*each)]
        for connection, _ in self._there:
            connection.close()

    def _come(self, opening: bytes, *, source: str) -> None:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=5, source_address=(source, 0))
        connection.setblocking(False)
        with suppress(OSError):
            connection.send(opening)
        self._there.append((connection, time.monotonic()))

    def _is_cut(self, connection: socket.socket, since: float) -> bool:
        try:
            while connection.recv(65536):
                pass
        except BlockingIOError:
            return False
        except ConnectionError:
            pass
        connection.close()
        self.stayed_s.append(time.monotonic() - since)
        return True


@pytest.fixture(scope="module", autouse=True)
def many_files() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    folder: Path = tmp_path_factory.mktemp("stack")
    with running_stack(folder) as running:
        yield running


def test_a_thousand_strangers_beside_a_broadcast(stack: RunningStack) -> None:
    stream, crowd = Integrator.of(stack).create(), _Crowd(stack.rtmp_port)
    with publishing(stream.publish_url, size="1280x720", kbps=2500) as encoder:
        stream.await_status("LIVE", timeout_s=30)
        alone_s, alone_segments = _watched(stack, stream)
        memory, cpu = _memory_bytes(stack), _cpu_s(stack)
        with crowd.present():
            wait_until(lambda: crowd.size >= _STRANGERS // 2, timeout_s=30, what="the crowd")
            beside_s, beside_segments = _watched(stack, stream)
            each_bytes = (_memory_bytes(stack) - memory) / crowd.size
            welcome_s = _welcome_s(stack)
        assert encoder.is_connected
        assert len(stream.sessions()) == 1
    print(
        f"\nlongest pause of the ingest alone {alone_s:.2f} s, beside {_STRANGERS} strangers {beside_s:.2f} s"
        f"\nsegments in {_WINDOW_S} s alone {alone_segments}, beside them {beside_segments}"
        f"\nmemory of each stranger {each_bytes / 1024:.0f} KB; {len(crowd.stayed_s)} cut, the last after"
        f" {max(crowd.stayed_s):.1f} s"
        f"\nan encoder that comes meanwhile publishes after {welcome_s:.2f} s"
        f"\nCPU of gate and ingest meanwhile {_cpu_s(stack) - cpu:.1f} s"
    )
    assert beside_s <= _GAP_BUDGET_S
    assert abs(beside_segments - alone_segments) <= 1
    assert each_bytes <= _MEMORY_BUDGET_BYTES
    assert max(crowd.stayed_s) <= _CUT_BUDGET_S
    assert welcome_s <= _WELCOME_BUDGET_S


def test_memory_of_a_stranger(tmp_path: Path) -> None:
    for number, (name, opening) in enumerate(_OPENINGS.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        with running_door(fresh_instance(folder), folder, strangers=_ALIKE) as door, ExitStack() as held:
            before = door.memory_bytes()
            for each in range(_ALIKE):
                source = f"127.0.1.{each % _ADDRESSES + 1}"
                stranger = held.enter_context(rtmp.peer(door.instance.rtmp_port, source=source))
                stranger.connection.setblocking(False)
                stranger.connection.send(opening)
            time.sleep(2)
            each_bytes = (door.memory_bytes() - before) / _ALIKE
        print(f"\nmemory of a stranger, {name}: {each_bytes / 1024:.0f} KB", end="")
        assert each_bytes <= _MEMORY_BUDGET_BYTES


def _watched(stack: RunningStack, stream: Stream) -> tuple[float, int]:
    """Return the longest time without new bytes from the encoder, and how many segments were finished."""
    server = IngestServer("", stack.runtime_dir / "ingest-control.sock")
    known, grew_at, longest_s = -1, time.monotonic(), 0.0
    first, ends_at = _segment_number(stream), time.monotonic() + _WINDOW_S
    while time.monotonic() < ends_at:
        received = sum(publisher.bytes_in for publisher in server.list_publishers().values())
        now = time.monotonic()
        if received != known:
            known, longest_s, grew_at = received, max(longest_s, now - grew_at), now
        time.sleep(_SAMPLE_S)
    return longest_s, _segment_number(stream) - first


def _segment_number(stream: Stream) -> int:
    return int(Path(stream.newest_segment()).stem.split("-")[-1])


def _welcome_s(stack: RunningStack) -> float:
    """Return how long an encoder needs to publish, from an address of its own."""
    key = str(Integrator.of(stack).create().created["stream_key"])
    started = time.monotonic()
    with rtmp.peer(stack.rtmp_port, source="127.0.2.1") as encoder:
        encoder.connect()
        encoder.publish(key)
        encoder.await_word(b"NetStream.Publish.Start")
        return time.monotonic() - started


def test_what_the_way_in_costs_a_broadcast(stack: RunningStack) -> None:
    streams = [Integrator.of(stack).create() for _ in range(2)]
    with ExitStack() as encoders:
        for stream in streams:
            encoders.enter_context(publishing(stream.publish_url, size="320x180", kbps=3000))
        for stream in streams:
            stream.await_status("LIVE", timeout_s=30)
        gate = psutil.Process(stack.pids()["gate"])
        before, started = sum(gate.cpu_times()[:2]), time.monotonic()
        time.sleep(_WINDOW_S)
        share = (sum(gate.cpu_times()[:2]) - before) / (time.monotonic() - started)
    print(f"\nthe gate with two broadcasts: {share:.2%} of a core, {gate.memory_full_info().pss / 1e6:.1f} MB")
    assert share <= 0.02 * len(streams)


def _processes(stack: RunningStack) -> list[psutil.Process]:
    gate, nginx = (psutil.Process(stack.pids()[name]) for name in ("gate", "ingest"))
    return [gate, nginx, *nginx.children()]


def _memory_bytes(stack: RunningStack) -> int:
    return sum(process.memory_full_info().uss for process in _processes(stack))


def _cpu_s(stack: RunningStack) -> float:
    return float(sum(sum(process.cpu_times()[:2]) for process in _processes(stack)))
