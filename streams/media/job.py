"""What the rest of LiveHub asks of a run, and is told by it."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from streams.media.doctor.doctor import Diagnosis
from streams.media.doctor.judgement import IngestFault
from streams.media.errors import MediaError
from streams.media.ladder import Ladder, Rendition
from streams.media.meter import Measured
from streams.media.nginx_rtmp import IngestServer
from streams.media.output import Playback
from streams.media.slates import DEFAULT_PICTURE
from streams.media.source import Source
from streams.media.targets import Latency


class WhileAway(StrEnum):
    """What viewers see between two connections of encoders; with nothing to show, the run ends with the first."""

    NOTHING = "nothing"
    SLATE = "slate"
    # The last picture, and the slate where that cannot be had.
    HOLD = "hold"


@dataclass(frozen=True)
class JobSpec:
    """`name` is the stream's at the ingest server; `gop_s` is what an earlier run has found out, 0 for nothing.

    Without a name no encoder is there: the run begins with the slate, of the form of `source`, which an earlier run has
    found. `slates_path` is the folder of slates that are kept; `slate_picture` is an image of any size.
    `shed` is how many rungs are left out, the tallest first. `slate_after_s` is without media, where there are parts.
    """

    server: IngestServer
    name: str
    playback: Playback
    latency_mode: Latency
    thumbnail_path: Path
    thumbnail_s: int
    max_height: int
    gop_s: float
    slates_path: Path
    while_away: WhileAway = WhileAway.NOTHING
    slate_picture: Path = DEFAULT_PICTURE
    source: Source | None = None
    shed: int = 0
    slate_after_s: float = Latency.LOW.longest_pause_s
    # What an earlier run has found wrong with what its encoder sends.
    findings: tuple[IngestFault, ...] = ()


class Observer(Protocol):
    """Who runs the broadcast; any exception raised here ends it, `BrokenOffError` without an end for its viewers."""

    def check_in(
        self, *, media_ms: int, received_bytes: int, measured: Measured, packager_latency_ms: float | None
    ) -> None:
        """Called about every second as long as the run does what nobody else could do better.

        That is: media comes in and output follows, or the run waits for what no other run would get sooner (the
        encoder's first key frame, an encoder that stands still or is away, the ingest server's answer, the transcoder's
        first output), each within a bound of its own. It is not called while the transcoder owes output, nor while this
        process is stopped. `media_ms` and `received_bytes` are what this run has taken in of all its encoders,
        `measured` is what comes now, by the stream's own clock; `packager_latency_ms` is how long a picture takes until
        it can be fetched.
        """

    def diagnosed(self, diagnosis: Diagnosis) -> None:
        """Called before each check-in, and when the run is over: what is wrong with what the encoder sends."""

    def found(self, source: Source, ladder: Ladder) -> None:
        """Called once, when the source is known."""

    def playable(self) -> None:
        """Called once, when something of every rendition can be fetched."""

    def overloaded(self, rung: Rendition) -> None:
        """Called twice a second while the machine cannot hold real time, though it might without this rung.

        Whoever wants that rung left out ends the run, and begins another one without it.
        """

    def left(self, *, media_ms: int) -> float:
        """Called when the encoder has left, and when a run begins without one.

        Returns for how many seconds to wait for an encoder; 0 ends the broadcast.
        """

    def find_encoder(self) -> str | None:
        """Return the name of the stream of an encoder that is to be followed from now on, None while there is none.

        Asked four times a second while none is there, and with each check-in while one is.
        """

    def silent(self) -> None:
        """Called when an encoder that is connected sends nothing, and viewers see something else; not each time.

        Within ten seconds once at most; `sends_again` follows, unless the encoder leaves.
        """

    def sends_again(self, *, silent_s: float, count: int) -> None:
        """Called when its picture is in the stream again: after how long, in how many silences since the last call."""

    def not_held(self) -> None:
        """Called when the last picture cannot be shown, and the slate is: once in a run. The log says why."""

    def broke_off(self, error: MediaError) -> None:
        """Called when nothing reaches us of an encoder that is there, as far as anybody knows.

        The slate is shown while it is pulled again; then `returned` follows, or the encoder has left, or the run ends.
        """

    def returned(self) -> None:
        """Called when the picture of an encoder that came, or was pulled again, is in the stream."""

    def refused(self, message: str) -> None:
        """Called when what an encoder sends that came cannot be broadcast; the run waits on for another one.

        :raises SourceRefusedError: when none is waited for; that ends the broadcast.
        """


@dataclass(frozen=True)
class Outcome:
    """How a broadcast went that ended because its encoder did; `media_ms` as in `Observer.check_in`."""

    media_ms: int
