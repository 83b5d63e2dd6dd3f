"""`run_broadcast` in a thread, with an observer that writes down what it is told."""

import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil

from streams.media.broadcast import run_broadcast
from streams.media.doctor.doctor import Diagnosis
from streams.media.errors import BrokenOffError, MediaError
from streams.media.job import JobSpec, Outcome, WhileAway
from streams.media.journal import Reader, Record, RunBegan, SegmentClosed
from streams.media.ladder import Ladder, Rendition
from streams.media.meter import Measured
from streams.media.nginx_rtmp import IngestServer
from streams.media.output import Playback
from streams.media.source import Source
from streams.media.targets import Latency
from tests.services import HANG_S, wait_until


class Broadcast:
    """One run at a time, and what became of it."""

    server: IngestServer

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # By name.
        self.multivariants: dict[str, str] = {}
        self.packager_latency_ms: float | None = None
        self.check_ins: list[tuple[float, int]] = []
        self.measured = Measured()
        self.diagnosis: Diagnosis | None = None
        self.source: Source | None = None
        self.ladder: Ladder | None = None
        self.is_playable = threading.Event()
        self.outcome: Outcome | None = None
        self.error: BaseException | None = None
        # Raised at the next check-in.
        self.to_raise: Exception | None = None
        self.name = ""
        self.while_away = WhileAway.NOTHING
        # For how long an encoder that left is waited for, and how much had come by then.
        self.wait_s = 0.0
        self.left_ms: int | None = None
        # The name of one that is there.
        self.found_name: str | None = None
        self.times_left = self.times_returned = 0
        self.refusals: list[str] = []
        # What was told of silences, in words.
        self.silences: list[str] = []
        self.times_not_held = 0
        # Of pulls whose encoder was there.
        self.breaks: list[MediaError] = []
        # The rungs that went too far for the machine, twice a second; a run is broken off after so many, 0 for never.
        self.complaints: list[str] = []
        self.shed_after = 0
        self.shed = 0
        self._epoch = 0
        self._thread: threading.Thread | None = None

    def check_in(
        self, *, media_ms: int, received_bytes: int, measured: Measured, packager_latency_ms: float | None
    ) -> None:
        self.packager_latency_ms = packager_latency_ms
        self.check_ins.append((time.monotonic(), media_ms))
        self.measured = measured
        if self.to_raise is not None:
            raise self.to_raise

    def diagnosed(self, diagnosis: Diagnosis) -> None:
        self.diagnosis = diagnosis

    def found(self, source: Source, ladder: Ladder) -> None:
        self.source, self.ladder = source, ladder

    def playable(self) -> None:
        self.is_playable.set()

    def overloaded(self, rung: Rendition) -> None:
        self.complaints.append(rung.name)
        if self.shed_after and len(self.complaints) >= self.shed_after:
            raise BrokenOffError

    def left(self, *, media_ms: int) -> float:
        self.times_left += 1
        self.left_ms = media_ms
        return self.wait_s

    def find_encoder(self) -> str | None:
        name, self.found_name = self.found_name, None
        return name

    def silent(self) -> None:
        self.silences.append("silent")

    def sends_again(self, *, silent_s: float, count: int) -> None:
        self.silences.append(f"again after {silent_s:.0f} s, {count}")

    def not_held(self) -> None:
        self.times_not_held += 1

    def broke_off(self, error: MediaError) -> None:
        self.breaks.append(error)

    def returned(self) -> None:
        self.times_returned += 1

    def refused(self, message: str) -> None:
        self.refusals.append(message)

    @property
    def multivariant(self) -> str:
        return self.multivariants.get("index.m3u8", "")

    def publish(self, name: str, text: str) -> None:
        self.multivariants[name] = text

    def start(
        self,
        server: IngestServer,
        name: str,
        *,
        gop_s: float = 0.0,
        source: Source | None = None,
        mode: Latency = Latency.LOW,
    ) -> None:
        self.server, self.name = server, name
        self._epoch += 1
        spec = JobSpec(
            server=server,
            name=name,
            playback=Playback(
                folder=self.folder / "session",
                epoch=self._epoch,
                dvr_window_s=3600,
                publish=self.publish,
                told=lambda folder: None,
                preview_path=self.folder / "preview.webp",
            ),
            latency_mode=mode,
            thumbnail_path=self.folder / "thumbnail.jpg",
            thumbnail_s=5,
            max_height=2160,
            gop_s=gop_s,
            slates_path=self.folder.parent / "slates",
            while_away=self.while_away,
            source=source,
            shed=self.shed,
        )
        self._thread = threading.Thread(target=self._run, args=(spec,), daemon=True)
        self._thread.start()

    def start_again(self, server: IngestServer, name: str, *, gop_s: float = 0.0, source: Source | None = None) -> None:
        """Start another run of the same session."""
        self.error, self.outcome = None, None
        self.is_playable.clear()
        self.start(server, name, gop_s=gop_s, source=source)

    def start_playable(self, server: IngestServer, name: str) -> None:
        """Start, and return once it can be played."""
        self.start(server, name)
        self.await_playable()

    def await_playable(self) -> None:
        """Return once it can be played."""
        wait_until(lambda: self.is_playable.is_set() or self.is_over, what="the first segments")
        assert self.is_playable.is_set(), self.error

    @property
    def is_over(self) -> bool:
        assert self._thread is not None
        return not self._thread.is_alive()

    def await_end(self) -> float:
        """Return the seconds until it ended."""
        began_at = time.monotonic()
        wait_until(lambda: self.is_over, what="the end of the run")
        return time.monotonic() - began_at

    def children(self) -> dict[str, psutil.Process]:
        """Return this run's ffmpegs, by what they do."""
        found = {}
        for child in psutil.Process().children():
            argv: list[str] = []
            with suppress(psutil.Error):  # It has just ended.
                argv = child.cmdline()
            if argv[-1:] == ["pipe:1"] and any(word.endswith(f"/{self.name}") for word in argv):
                found["pull"] = child
            elif str(self.folder / "thumbnail.jpg") in argv:
                found["transcoder"] = child
        return found

    def records(self) -> list[Record]:
        """Return what players have been told of."""
        return [entry.record for entry in Reader(self.folder / "session").read()[1]]

    def runs(self) -> list[int]:
        """Return the numbers of the runs that players have been told of."""
        return [record.number for record in self.records() if isinstance(record, RunBegan)]

    def seconds(self, slot: str) -> float:
        """Return how much of a slot has been told of as whole segments."""
        closed = [record for record in self.records() if isinstance(record, SegmentClosed) and record.slot == slot]
        return sum(record.duration_us for record in closed) / 1_000_000

    def end(self) -> None:
        if self._thread is None:
            return
        self.to_raise = self.to_raise or BrokenOffError()
        for child in self.children().values():
            child.resume()
        self._thread.join(HANG_S)
        assert self.is_over
        assert self.children() == {}

    def _run(self, spec: JobSpec) -> None:
        try:
            self.outcome = run_broadcast(spec, self)
        except BaseException as error:  # Whatever it is, the test looks at it.
            self.error = error
