"""Running one broadcast: pull, probe, transcode and package until the encoder stops.

This is the seam to the rest of LiveHub: a `JobSpec` goes in, an `Observer` is told what happens, `Outcome` comes out.
"""

import errno
import logging
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from streams.media import ffmpeg
from streams.media.encoder_watch import LONGEST_START_S, EncoderWatch, left_early, no_key_frame
from streams.media.errors import (
    BrokenOffError,
    EncoderAwayError,
    IngestSilentError,
    KeyFramesTooFarError,
    NoPictureError,
    PullFailedError,
    SourceChangedError,
    StorageFullError,
    TranscoderFailedError,
)
from streams.media.intake import Intake
from streams.media.ladder import Ladder, build_ladder
from streams.media.meter import Measured
from streams.media.nginx_rtmp import IngestServer
from streams.media.output import Playback, RunOutput
from streams.media.process import Child, running
from streams.media.progress import AwakeClock
from streams.media.source import Source, check_announced_size, check_source, parse_probe
from streams.media.targets import Latency, choose_targets
from streams.media.transcoding import Transcoding

logger = logging.getLogger(__name__)

_CHECK_IN_S = 1.0
# The longest step of a loop that runs; see `AwakeClock`.
_LONGEST_STEP_S = 1.25
_WATCH_S = 0.1
# Then reports of progress wake us twice a second anyway.
_PLAYABLE_WATCH_S = 0.5
# As much video tells ffprobe how many frames come, and no picture is late for it: a part takes longer.
_PROBED_MS = 200
_LONGEST_PROBED_WAIT_S = 4.5
# The probe reads a few megabytes from memory; while it does, nobody checks in.
_PROBE_TIMEOUT_S = 4.0
_INTAKE_END_S = 2.0
_PACKAGER_END_S = 2.0
# Every rendition's first part is there in a second or two, or something is wrong that ffmpeg does not tell.
_LONGEST_PACKAGING_S = 30.0
# After the last input, what is in the encoders and the packager comes out in less.
_FLUSH_S = 3.0
# What each child may write to in all. Measured with 4K on 2 cores: 125 MB (8K: 192) for pull and probe, which decode a
# few pictures, and 640 for the transcoder, more with every core. What needs several times that was made to.
_PULL_MEMORY_MB = 512
_PROBE_MEMORY_MB = 512
_TRANSCODER_MEMORY_MB = 6144
# Another run follows, so players must not be told of an end: ffmpeg is killed before it can write one.
_BREAKING_OFF = (
    BrokenOffError,
    IngestSilentError,
    NoPictureError,
    PullFailedError,
    SourceChangedError,
    StorageFullError,
    TranscoderFailedError,
    OSError,
)


@dataclass(frozen=True)
class JobSpec:
    """`name` is the stream's at the ingest server; `gop_s` is what an earlier run has found out, 0 for nothing."""

    server: IngestServer
    name: str
    playback: Playback
    latency_mode: Latency
    thumbnail_path: Path
    thumbnail_s: int
    max_height: int
    gop_s: float


class Observer(Protocol):
    """Who runs the broadcast; any exception raised here ends it, `BrokenOffError` without an end for its viewers."""

    def check_in(
        self, *, media_ms: int, received_bytes: int, measured: Measured, packager_latency_ms: float | None
    ) -> None:
        """Called about every second as long as the run does what nobody else could do better.

        That is: media comes in and output follows, or the run waits for what no other run would get sooner (the
        encoder's first key frame, an encoder that stands still, the ingest server's answer, the transcoder's first
        output), each within a bound of its own. It is not called while the transcoder owes output, nor while this
        process is stopped. `media_ms` and `received_bytes` are what this run has taken in, `measured` is what comes
        now, by the stream's own clock; `packager_latency_ms` is how long a picture takes until it can be fetched.
        """

    def found(self, source: Source, ladder: Ladder) -> None:
        """Called once, when the source is known."""

    def playable(self) -> None:
        """Called once, when something of every rendition can be fetched."""

    def left(self, *, media_ms: int) -> float:
        """Called when the encoder went away; returns the seconds to wait for one, 0 to end the broadcast.

        `media_ms` as in `check_in`, by now.
        """

    def find_encoder(self) -> str | None:
        """Asked every 0.25 s while one is waited for: the name of the stream of an encoder that is there now."""

    def returned(self) -> None:
        """Called when the picture of an encoder that was found is in the stream."""


@dataclass(frozen=True)
class Outcome:
    """How a broadcast went that ended because its encoder did; `media_ms` as in `Observer.check_in`."""

    media_ms: int


def run_broadcast(spec: JobSpec, observer: Observer) -> Outcome:
    """Broadcast until the encoder stops.

    Side effects: child processes (none is left behind), the session's files, the multivariant playlists.

    :raises SourceRefusedError: when what the encoder sends cannot be broadcast.
    :raises SourceChangedError: when it sends something else than before, which another run has to check.
    :raises SourceLostError: when it went away before a picture came, or stood still.
    :raises EncoderAwayError: when it has left, and the observer waits for one: another run goes on with the broadcast.
    :raises PullFailedError: when nothing comes from the ingest server, although the encoder is there and sends.
    :raises IngestSilentError: when the ingest server does not answer.
    :raises TranscoderFailedError: when ffmpeg ended by itself, or hung.
    :raises StorageFullError: when the disk is full.
    """
    argv = ffmpeg.pull_argv(spec.server.pull_url(spec.name))
    with running(
        argv, label=f"pull {spec.name}", feeds=True, memory_mb=_PULL_MEMORY_MB, awaited=ffmpeg.LATE_SOUND
    ) as puller:
        intake = Intake(puller.stdout, mode=spec.latency_mode)
        try:
            return _Run(spec, observer, puller, intake).run()
        finally:
            intake.stop(timeout_s=_INTAKE_END_S)


class _Run:
    def __init__(self, spec: JobSpec, observer: Observer, puller: Child, intake: Intake) -> None:
        self._spec = spec
        self._observer = observer
        self._puller = puller
        self._intake = intake
        self._clock = AwakeClock()
        self._encoder = EncoderWatch(spec.server, spec.name, self._clock)
        self._received_bytes = 0
        self._video_bytes = 0
        self._checked_in_at = 0.0
        self._is_playable = False
        self._output: RunOutput | None = None

    def run(self) -> Outcome:
        source = self._find_source()
        check_source(source, max_height=self._spec.max_height)
        ladder = build_ladder(source)
        self._observer.found(source, ladder)
        targets = choose_targets(self._spec.latency_mode, fps=source.fps)
        marks = self._intake.marks if ladder.copies_video else None
        with _full_disk_named():
            output = self._output = RunOutput(
                ladder, self._spec.playback, targets=targets, marks=marks, clock_ms=self._intake.clock_ms
            )
        try:
            self._run_transcoder(ladder, output, fragment_s=output.targets.fragment_s)
        finally:
            output.finish(timeout_s=_PACKAGER_END_S)
        self._publish(output)
        if wait_s := self._observer.left(media_ms=self._intake.media_ms):
            raise EncoderAwayError(wait_s)
        return Outcome(self._intake.media_ms)

    def _run_transcoder(self, ladder: Ladder, output: RunOutput, *, fragment_s: float) -> None:
        spec, pipes = self._spec, output.pipes
        stills = output.gallery.stills(thumbnail_path=spec.thumbnail_path, thumbnail_s=spec.thumbnail_s)
        outputs = ffmpeg.Outputs(pipes, fragment_s, spec.latency_mode.segment_s, stills)
        argv, label = ffmpeg.transcode_argv(ladder, outputs), f"transcoder {spec.name}"
        with running(
            argv, label=label, feeds=True, is_fed=True, inherits=pipes, memory_mb=_TRANSCODER_MEMORY_MB
        ) as child:
            output.hand_over()
            try:
                self._transcode(child, output, copies_video=ladder.copies_video)
            finally:
                # It reads no more, or has read everything: nobody writes to a pipe that is about to be closed.
                child.kill()
                self._intake.stop(timeout_s=_INTAKE_END_S)

    def _find_source(self) -> Source:
        label = f"probe {self._spec.name}"
        # Started before there is anything to describe: that takes longer than describing it.
        with running(ffmpeg.probe_argv(), label=label, feeds=True, is_fed=True, memory_mb=_PROBE_MEMORY_MB) as prober:
            self._await_picture()
            self._check_in()
            if self._intake.picture_size is not None:
                check_announced_size(self._intake.picture_size, max_height=self._spec.max_height)
            return self._probe(prober)

    def _await_picture(self) -> None:
        first_picture_at: float | None = None
        while not self._intake.key_frames_ms or self._intake.video_ms < _PROBED_MS:
            self._clock.tick(at_most_s=_LONGEST_STEP_S)
            if self._intake.key_frames_ms and first_picture_at is None:
                first_picture_at = self._clock.now_s
            if first_picture_at is not None and self._clock.now_s - first_picture_at > _LONGEST_PROBED_WAIT_S:
                return
            has_input, has_picture = self._has_input()
            if self._has_encoder_left(has_input=has_input, has_picture=has_picture):
                raise left_early()
            # As long as nothing comes, `EncoderWatch` judges: that may be the pull's fault.
            if has_input and first_picture_at is None and self._clock.now_s > LONGEST_START_S:
                raise no_key_frame()
            self._check_in_when_due()
            self._intake.wait(timeout_s=_WATCH_S)

    def _probe(self, prober: Child) -> Source:
        try:
            report, _ = prober.process.communicate(self._intake.held(), timeout=_PROBE_TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            raise TranscoderFailedError(f"ffprobe gave no answer in {_PROBE_TIMEOUT_S:g} s.") from error
        gop_s = self._spec.gop_s or self._intake.gop_s
        return parse_probe(report, video_kbps=self._intake.video_kbps, gop_s=gop_s)

    def _transcode(self, child: Child, output: RunOutput, *, copies_video: bool) -> None:
        self._clock.tick(at_most_s=_LONGEST_STEP_S)
        transcoding = Transcoding(child, self._clock, folder=self._spec.playback.folder.parent)
        self._intake.attach(child.stdin)
        try:
            self._watch(transcoding, output, copies_video=copies_video)
        except TranscoderFailedError:
            # Nobody read its output any more: that is why.
            with _full_disk_named():
                output.check()
            raise
        except _BREAKING_OFF:
            raise
        except Exception:
            self._finish(transcoding, checks_in=False)
            raise
        self._finish(transcoding, checks_in=True)
        transcoding.check_end()

    def _watch(self, transcoding: Transcoding, output: RunOutput, *, copies_video: bool) -> None:
        """Return when the encoder has left."""
        began_at = self._clock.now_s
        is_gone = False
        while not is_gone:
            transcoding.wait(timeout_s=_PLAYABLE_WATCH_S if self._is_playable else _WATCH_S)
            self._clock.tick(at_most_s=_LONGEST_STEP_S)
            has_input, has_picture = self._has_input()
            if self._puller.has_said_what_was_awaited:
                raise SourceChangedError("The encoder has begun to send sound.")
            if copies_video:
                self._check_key_frames()
            # Sound alone is no reason to expect output: the packager waits for the picture that belongs to it.
            transcoding.look(has_input=has_picture)
            is_gone = self._has_encoder_left(has_input=has_input, has_picture=has_picture)
            if not transcoding.is_owing:
                # In this order: who was stopped for long finds out that another run has taken over.
                has_checked_in = self._check_in_when_due()
                if has_checked_in or not self._is_playable:
                    self._publish(output)
            if not self._is_playable and self._clock.now_s - began_at > _LONGEST_PACKAGING_S:
                raise TranscoderFailedError(f"Nothing could be fetched after {_LONGEST_PACKAGING_S:g} seconds.")

    def _check_key_frames(self) -> None:
        """Find out whether the picture can be passed through any longer: segments begin with key frames."""
        if gop_s := self._intake.far_gop_s:
            raise KeyFramesTooFarError(gop_s)

    def _finish(self, transcoding: Transcoding, *, checks_in: bool) -> None:
        """End the input, and let what is in the encoders and the packager come out; then players know of the end."""
        self._intake.finish()
        self._puller.kill()
        advanced_at = self._clock.now_s
        while not transcoding.wait(timeout_s=_PLAYABLE_WATCH_S):
            self._clock.tick(at_most_s=_LONGEST_STEP_S)
            if transcoding.has_advanced():
                advanced_at = self._clock.now_s
                if checks_in:
                    self._check_in_when_due()
            if self._clock.now_s - advanced_at > _FLUSH_S:
                logger.error("transcoder %s: hangs at its end and is killed", self._spec.name)
                return

    def _has_input(self) -> tuple[bool, bool]:
        """Tell whether something came since the last time, or is being pushed on; and the same of pictures."""
        if self._intake.failure is not None:
            raise self._intake.failure
        before, self._received_bytes = self._received_bytes, self._intake.received_bytes
        video_before, self._video_bytes = self._video_bytes, self._intake.video_bytes
        is_pushing, has_more = self._intake.is_pushing, self._received_bytes > before
        # Pushing is part of the flow of sound, too; if nothing comes meanwhile, the transcoder takes nothing.
        return has_more or is_pushing, self._video_bytes > video_before or (is_pushing and not has_more)

    def _has_encoder_left(self, *, has_input: bool, has_picture: bool) -> bool:
        return self._encoder.look(has_input=has_input, has_picture=has_picture, is_over=self._intake.is_over)

    def _publish(self, output: RunOutput) -> None:
        with _full_disk_named():
            is_playable = output.publish()
        if is_playable and not self._is_playable:
            self._is_playable = True
            self._observer.playable()

    def _check_in_when_due(self) -> bool:
        """Tell whether it was time to."""
        is_due = time.monotonic() - self._checked_in_at >= _CHECK_IN_S
        if is_due:
            self._check_in()
        return is_due

    def _check_in(self) -> None:
        self._checked_in_at = time.monotonic()
        intake = self._intake
        self._observer.check_in(
            media_ms=intake.media_ms,
            received_bytes=intake.received_bytes,
            measured=intake.measure(),
            packager_latency_ms=self._output.latency_ms if self._output is not None else None,
        )


@contextmanager
def _full_disk_named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFullError(f"The disk is full: {error}.") from error
        raise
