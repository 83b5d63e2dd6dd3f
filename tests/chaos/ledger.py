"""What is seen of broadcasts while something happens to them, beside what their rows say of it afterwards.

A viewer reads every playlist of each broadcast twice a second, and every 50 ms all processes of the machine are looked
through for transcoders.
"""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import psycopg

from tests.e2e.client import Stream
from tests.services import HANG_S, wait_until
from tests.stack.whole import RunningStack

_SAMPLE_S = 0.05
_LOOK_S = 0.5
_PROC = Path("/proc")


def playback_id_of(stream: Stream) -> str:
    return str(stream.created["playback_url"]).split("/")[-2]


@dataclass
class ProcessWatch:
    """How many transcoders each broadcast had at once, at most; stopped ones count, dead ones do not."""

    playback_ids: tuple[str, ...]
    most: Counter[str] = field(default_factory=Counter)
    samples: int = 0
    _commands: dict[int, bytes] = field(default_factory=dict)

    def look(self) -> None:
        found = Counter[str]()
        for command in self.transcoders():
            found.update(each for each in self.playback_ids if each.encode() in command)
        self.most |= found
        self.samples += 1

    def transcoders(self) -> list[bytes]:
        """Return the command lines of all ffmpegs that are alive now and belong to these broadcasts."""
        alive = [int(path.name) for path in _PROC.iterdir() if path.name.isdigit()]
        found = {}
        for pid in alive:
            # Gone since it was listed, it is no transcoder any more.
            with suppress(OSError):
                if (_PROC / str(pid) / "comm").read_bytes() == b"ffmpeg\n" and not _is_dead(pid):
                    found[pid] = self._commands.get(pid) or (_PROC / str(pid) / "cmdline").read_bytes()
        self._commands = found
        return [command for command in found.values() if any(each.encode() in command for each in self.playback_ids)]


@dataclass
class Viewer:
    """What the playlists of one broadcast told, each time they could be read."""

    stream: Stream
    wrongs: list[str] = field(default_factory=list)
    # When the newest segment of the first rendition was another one than before, by the monotonic clock.
    advances: list[tuple[float, int]] = field(default_factory=list)
    looks: int = 0
    # Its broadcast is being ended: what is shown until its run knows of that is no loss, and no event tells of it.
    is_ending: bool = False
    _newest: dict[str, int] = field(default_factory=dict)
    _marked: dict[str, int] = field(default_factory=dict)
    _uris: dict[tuple[str, int], str] = field(default_factory=dict)

    def look(self) -> None:
        # Killed servers answer nobody, and a viewer asks again.
        try:
            playlists = self.stream.playlists()
        except (httpx.HTTPError, StopIteration):
            return
        self.looks += 1
        for index, (address, text) in enumerate(playlists.items()):
            newest = self._take(address, text)
            if index == 0 and newest is not None and (not self.advances or self.advances[-1][1] < newest):
                self.advances.append((time.monotonic(), newest))

    def _take(self, address: str, text: str) -> int | None:
        """Hold a playlist against the ones before."""
        first, before = _number(text, "MEDIA-SEQUENCE"), _number(text, "DISCONTINUITY-SEQUENCE")
        uris = [line for line in text.splitlines() if line and not line.startswith("#")]
        if not uris:
            return None
        newest = first + len(uris) - 1
        # What stands behind the last segment is of one that is not closed yet, and may stay so at the end.
        closed = text[: text.rindex(uris[-1])]
        marked = before + len(re.findall(r"^#EXT-X-DISCONTINUITY$", closed, re.MULTILINE))
        if newest < self._newest.get(address, 0):
            self.wrongs.append(f"{address}: the newest segment went back to {newest} from {self._newest[address]}")
        if marked < self._marked.get(address, 0):
            self.wrongs.append(f"{address}: {marked} discontinuities after {self._marked[address]}")
        for number, uri in enumerate(uris, start=first):
            if self._uris.setdefault((address, number), uri) != uri:
                self.wrongs.append(f"{address}: segment {number} became {uri}")
        self._newest[address] = newest
        if not self.is_ending:
            self._marked[address] = marked
        return newest

    def has_advanced(self, times: int) -> bool:
        return len(self.advances) >= times

    @property
    def discontinuities(self) -> set[int]:
        """How many each rendition has had by now."""
        return set(self._marked.values())

    def longest_wait_s(self, *, since: float) -> float:
        """Return for how long, from then on, no other segment was the newest."""
        times = [since, *(at for at, _ in self.advances if at > since)]
        return max((later - sooner for sooner, later in pairwise(times)), default=0.0)


@dataclass
class Ledger:
    """All that is known of some broadcasts of one instance."""

    stack: RunningStack
    viewers: dict[str, Viewer]
    processes: ProcessWatch
    # By the wall clock, as rows have it: when each broadcast was ended by whoever tests.
    ended_at: dict[str, datetime] = field(default_factory=dict)

    def await_media(self, *, what: str) -> None:
        """Return when each broadcast has a newer segment than now."""
        wanted = {path: len(viewer.advances) + 2 for path, viewer in self.viewers.items()}
        for path, viewer in self.viewers.items():
            wait_until(partial(viewer.has_advanced, wanted[path]), what=f"media after {what}")

    def check(self, *, sessions_each: int = 1) -> None:
        """Hold what was seen against the rows, once all broadcasts have been ended."""
        assert self.processes.samples
        assert {number for number in self.processes.most.values() if number > 1} == set(), self.processes.most
        for viewer in self.viewers.values():
            assert viewer.looks
            assert viewer.wrongs == [], viewer.stream.path
        wait_until(lambda: not self.processes.transcoders(), what="the end of all transcoders")
        with _database(self.stack) as database:
            for viewer in self.viewers.values():
                self._check_rows(database, viewer, sessions_each=sessions_each)

    def _check_rows(
        self, database: "psycopg.Connection[tuple[Any, ...]]", viewer: Viewer, *, sessions_each: int
    ) -> None:
        livestream_id = viewer.stream.created["id"]
        rows = database.execute(_SESSIONS, (livestream_id,)).fetchall()
        assert [status for _, status, *_ in rows] == ["ended"] * sessions_each
        for session_id, _, _, leases, open_connections in rows:
            assert (leases, open_connections) == (0, 0)
            events = database.execute(_EVENTS, (session_id,)).fetchall()
            times = [at for _, at, _ in events]
            assert times == sorted(times), events
            if sessions_each == 1:
                told = _discontinuities(events)
                assert viewer.discontinuities == {told}, "\n".join(map(str, events))
        if (ended_at := self.ended_at.get(viewer.stream.path)) is not None:
            assert abs(rows[-1][2] - ended_at) < timedelta(seconds=1)


_SESSIONS = """
SELECT session.id, session.status, session.stopped_at,
    (SELECT count(*) FROM streams_lease WHERE session_id = session.id),
    (SELECT count(*) FROM streams_connection WHERE session_id = session.id AND disconnected_at IS NULL)
FROM streams_session AS session WHERE livestream_id = %s ORDER BY created_at
"""
_EVENTS = "SELECT kind, at, data FROM streams_sessionevent WHERE session_id = %s ORDER BY id"


def _discontinuities(events: Sequence[tuple[str, datetime, Mapping[str, Any]]]) -> int:
    """Return how often viewers were taken to other media: by another run, into the slate, and out of it."""
    count, is_silent = 0, False
    for kind, _, data in events:
        step = (data.get("old"), data.get("new"))
        if kind == "silent":
            count, is_silent = count + 1, True
        elif kind == "replaced" or step == ("live", "reconnecting"):
            # One that was silent has the slate already.
            count, is_silent = count + (not is_silent), False
        elif kind in {"resumed", "sends_again"} or step == ("reconnecting", "live"):
            count, is_silent = count + 1, False
    return count


@contextmanager
def watching(stack: RunningStack, streams: list[Stream]) -> Iterator[Ledger]:
    """Watch broadcasts that are live, for as long as the block lasts."""
    ledger = Ledger(
        stack,
        {stream.path: Viewer(stream) for stream in streams},
        ProcessWatch(tuple(map(playback_id_of, streams))),
    )
    with ExitStack() as running:
        running.enter_context(_repeated(ledger.processes.look, every_s=_SAMPLE_S))
        for viewer in ledger.viewers.values():
            running.enter_context(_repeated(viewer.look, every_s=_LOOK_S))
        ledger.await_media(what="the beginning")
        yield ledger


@contextmanager
def _repeated(step: Callable[[], None], *, every_s: float) -> Iterator[None]:
    """Do something again and again in a thread; what goes wrong there goes wrong here."""
    ended = threading.Event()
    failures: list[Exception] = []

    def run() -> None:
        try:
            while not ended.wait(every_s):
                step()
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(HANG_S)
    if failures:
        raise failures[0]


def _is_dead(pid: int) -> bool:
    # The name, in brackets, may hold anything.
    return (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()[0] in {b"Z", b"X"}


def _number(text: str, tag: str) -> int:
    found = re.search(rf"^#EXT-X-{tag}:(\d+)$", text, re.MULTILINE)
    return int(found[1]) if found else 0


def _database(stack: RunningStack) -> "psycopg.Connection[tuple[Any, ...]]":
    return psycopg.connect(host=str(stack.data_dir / "run" / "postgres"), user="livehub", dbname="livehub")
