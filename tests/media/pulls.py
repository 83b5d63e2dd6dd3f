"""One pull beside a test: from a source of the test's own into an ingest server without hooks."""

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from livehub.core.egress import EgressRefusedError, open_permit
from streams.media.pulling.command import Encodes, Publication
from streams.media.pulling.puller import SOURCE_PORTS, EndKind, PullEnd, PullOrder, pull
from streams.media.pulling.source import PullUrl
from tests.egress.proxies import shelf
from tests.media.ingest import Ingest
from tests.services import HANG_S, wait_until

NAME = "one-time-name"


@dataclass
class RunningPull:
    """What a pull has come to so far."""

    ends: list[PullEnd] = field(default_factory=list)
    is_coming: bool = False
    is_stopped: bool = False
    began_s: float = field(default_factory=time.monotonic)

    def look(self, is_coming: bool) -> bool:
        self.is_coming = self.is_coming or is_coming
        return not self.is_stopped

    def await_media(self) -> None:
        wait_until(lambda: self.is_coming or self.ends, what="media")
        assert self.is_coming, self.ends

    def end(self) -> PullEnd:
        wait_until(lambda: self.ends, what="the end of the pull")
        return self.ends[0]


@contextmanager
def pulling(
    url: str, *, to: Ingest, egress: Path, encodes: Encodes | None = None, name: str = NAME
) -> Iterator[RunningPull]:
    """Run a pull beside the block, and stop it with it."""
    run = RunningPull()
    order = PullOrder(
        PullUrl.parse(url), Publication(to.server.pull_url(""), name), encodes or Encodes(), "pull of a test"
    )

    def work() -> None:
        try:
            with open_permit(egress, ports=SOURCE_PORTS) as way:
                run.ends.append(pull(order, way=way, looks=run.look))
        except EgressRefusedError as error:
            run.ends.append(PullEnd(EndKind.REFUSED, error.message))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield run
    finally:
        run.is_stopped = True
        thread.join(HANG_S)


@contextmanager
def hls_source(folder: Path, clip: Path) -> Iterator[str]:
    """Yield the address of a live window of segments of 4 s, which moves on."""
    place = folder / "hls"
    place.mkdir()
    cut = ["-c", "copy", "-f", "hls", "-hls_time", "4", "-hls_list_size", "5", "-hls_flags", "delete_segments"]
    argv = ["ffmpeg", "-nostdin", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i", str(clip), *cut]
    with subprocess.Popen([*argv, str(place / "live.m3u8")], stdin=subprocess.DEVNULL) as encoder, shelf() as web:
        try:
            web.folder = place
            wait_until(lambda: len(list(place.glob("*.ts"))) >= 3, what="a window")
            yield f"http://127.0.0.1:{web.port}/live.m3u8"
        finally:
            encoder.kill()


def children(matches: Callable[[list[str]], bool]) -> list[psutil.Process]:
    """Return our own child processes whose command line matches."""
    return [each for each in psutil.Process().children(recursive=True) if matches(each.cmdline())]
