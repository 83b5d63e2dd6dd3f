"""Running one broadcast: pull, probe, transcode and package until the encoder stops.

This is the seam to the rest of LiveHub: a `JobSpec` goes in, an `Observer` is told what happens, `Outcome` comes out.
"""

import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from streams.media import ffmpeg
from streams.media.errors import BrokenOffError, SourceLostError, SourceRefusedError, TranscoderFailedError
from streams.media.intake import Intake
from streams.media.ladder import Ladder, build_ladder
from streams.media.output import Output
from streams.media.process import Child, running
from streams.media.source import Source, check_source, parse_probe

_CHECK_IN_S = 1.0
_WATCH_S = 0.1
# The longest distance of key frames worth waiting for; a source beyond it is not passed through.
_LONGEST_GOP_WAIT_S = 4.5
# An encoder set to "automatic" key frames may send one in 10 s, and we join in between.
_LONGEST_START_S = 30.0
# The probe reads a few megabytes from memory; while it does, nobody checks in.
_PROBE_TIMEOUT_S = 4.0
# After the last input, what is in the encoders and the packager comes out in less.
_FLUSH_S = 5.0


@dataclass(frozen=True)
class JobSpec:
    """`multivariant_path` is the stable playback URL's file, `packaging.folder` belongs to this run alone."""

    source_url: str
    multivariant_path: Path
    packaging: ffmpeg.Packaging
    max_height: int


class Observer(Protocol):
    """Who runs the broadcast; any exception raised here ends it, `BrokenOffError` without an end for its viewers."""

    def check_in(self, *, received_at: float) -> None:
        """Called every second; `received_at` is the `time.time()` of the latest media, or 0."""

    def await_media(self, *, waited_s: float) -> None:
        """Called every second before the first picture.

        :raises SourceRefusedError: when the ingest server knows that no usable picture will come.
        :raises SourceLostError: when nothing is published under this name any more.
        """

    def found(self, source: Source, ladder: Ladder) -> None:
        """Called once, when the source is known."""

    def playable(self) -> None:
        """Called once, when the first segment of every rendition can be fetched."""


@dataclass(frozen=True)
class Outcome:
    """How a broadcast went that ended because its encoder did; `received_at` as in `Observer.check_in`."""

    received_at: float


def run_broadcast(spec: JobSpec, observer: Observer) -> Outcome:
    """Broadcast until the encoder stops.

    Side effects: child processes (none is left behind), the renditions' folders, the multivariant playlist.

    :raises SourceRefusedError: when what the encoder sends cannot be broadcast.
    :raises SourceLostError: when it went away before a picture came.
    :raises TranscoderFailedError: when ffmpeg ended by itself.
    """
    with running(ffmpeg.pull_argv(spec.source_url), feeds=True) as puller:
        intake = Intake(puller.stdout)
        try:
            return _Run(spec, observer, puller, intake).run()
        finally:
            puller.stop()
            intake.join(timeout_s=_FLUSH_S)


class _Run:
    def __init__(self, spec: JobSpec, observer: Observer, puller: Child, intake: Intake) -> None:
        self._spec = spec
        self._observer = observer
        self._puller = puller
        self._intake = intake
        self._checked_in_at = 0.0

    def run(self) -> Outcome:
        self._await_group_of_pictures()
        source = self._probe()
        check_source(source, max_height=self._spec.max_height)
        ladder = build_ladder(source)
        self._observer.found(source, ladder)
        packaging = self._spec.packaging
        output = Output(ladder, packaging.folder, self._spec.multivariant_path)
        output.prepare()
        with ExitStack() as stack:
            transcoder = stack.enter_context(running(ffmpeg.transcode_argv(ladder, packaging), is_fed=True))
            # Whatever happens: no more input first, then time to finish the last segment and the playlists.
            stack.callback(transcoder.wait, timeout_s=_FLUSH_S)
            stack.callback(self._puller.stop)
            self._intake.attach(transcoder.stdin)
            try:
                self._watch(transcoder, output)
            except BrokenOffError:
                transcoder.kill()
                raise
        return Outcome(self._intake.received_at)

    def _await_group_of_pictures(self) -> None:
        started = time.monotonic()
        first_picture_at: float | None = None
        while self._intake.gop_s == 0:
            now = time.monotonic()
            if self._intake.key_frames_ms and first_picture_at is None:
                first_picture_at = now
            if first_picture_at is not None and now - first_picture_at > _LONGEST_GOP_WAIT_S:
                return
            self._raise_if_over(waited_s=now - started)
            if self._check_in() and first_picture_at is None:
                self._observer.await_media(waited_s=now - started)
            self._intake.wait(timeout_s=_WATCH_S)

    def _raise_if_over(self, *, waited_s: float) -> None:
        if self._intake.failure is not None:
            raise self._intake.failure
        if self._intake.is_over and not self._intake.key_frames_ms:
            raise SourceLostError("The encoder went away before a picture came.")
        if self._intake.is_over:
            raise SourceLostError("The encoder stopped before one group of pictures was complete.")
        if waited_s > _LONGEST_START_S and not self._intake.key_frames_ms:
            raise SourceRefusedError("No key frame came for 30 seconds. Set the encoder's key-frame interval to 2 s.")

    def _probe(self) -> Source:
        clip = self._intake.held()
        try:
            result = subprocess.run(
                ffmpeg.probe_argv(), input=clip, capture_output=True, timeout=_PROBE_TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise TranscoderFailedError(f"ffprobe gave no answer in {_PROBE_TIMEOUT_S:g} s.") from error
        return parse_probe(result.stdout, video_kbps=self._intake.video_kbps, gop_s=self._intake.gop_s)

    def _watch(self, transcoder: Child, output: Output) -> None:
        is_playable = is_over = False
        while not is_over:
            is_over = transcoder.wait(timeout_s=_CHECK_IN_S if is_playable else _WATCH_S)
            self._check_in()
            if output.publish() and not is_playable:
                is_playable = True
                self._observer.playable()
        if transcoder.exit_code != 0 or not self._intake.is_over:
            raise TranscoderFailedError(transcoder.last_words() or f"ffmpeg ended with code {transcoder.exit_code}.")

    def _check_in(self) -> bool:
        """Tell the observer that all is well, once a second; return whether it was time to."""
        now = time.monotonic()
        if now - self._checked_in_at < _CHECK_IN_S:
            return False
        self._checked_in_at = now
        self._observer.check_in(received_at=self._intake.received_at)
        return True
