"""`run_broadcast` in a thread, with an observer that writes down what it is told."""

import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil

from streams.media.broadcast import JobSpec, Outcome, run_broadcast
from streams.media.errors import BrokenOffError
from streams.media.ffmpeg import Packaging
from streams.media.ladder import Ladder
from streams.media.meter import Measured
from streams.media.nginx_rtmp import IngestServer
from streams.media.source import Source
from tests.services import HANG_S, wait_until


class Broadcast:
    """One run, and what became of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.multivariant = ""
        self.check_ins: list[tuple[float, int]] = []
        self.measured = Measured()
        self.source: Source | None = None
        self.ladder: Ladder | None = None
        self.is_playable = threading.Event()
        self.outcome: Outcome | None = None
        self.error: BaseException | None = None
        # Raised at the next check-in.
        self.to_raise: Exception | None = None
        self._name = ""
        self._thread: threading.Thread | None = None

    def check_in(self, *, media_ms: int, received_bytes: int, measured: Measured) -> None:
        self.check_ins.append((time.monotonic(), media_ms))
        self.measured = measured
        if self.to_raise is not None:
            raise self.to_raise

    def found(self, source: Source, ladder: Ladder) -> None:
        self.source, self.ladder = source, ladder

    def playable(self) -> None:
        self.is_playable.set()

    def publish(self, text: str) -> None:
        self.multivariant = text

    def start(self, server: IngestServer, name: str) -> None:
        self._name = name
        packaging = Packaging(
            self.folder / "run", self.folder / "thumbnail.jpg", segment_s=1, playlist_segments=8, thumbnail_s=5
        )
        spec = JobSpec(server, name, packaging, "run", self.publish, max_height=2160)
        self._thread = threading.Thread(target=self._run, args=(spec,), daemon=True)
        self._thread.start()

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
            if argv[-1:] == ["pipe:1"] and any(word.endswith(f"/{self._name}") for word in argv):
                found["pull"] = child
            elif str(self.folder / "thumbnail.jpg") in argv:
                found["transcoder"] = child
        return found

    def media_playlists(self) -> list[str]:
        return [path.read_text() for path in self.folder.glob("run/*/index.m3u8")]

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
