"""Running one broadcast: pull, probe, transcode and package until no encoder is there any more.

This is the seam to the rest of LiveHub: a `JobSpec` goes in, an `Observer` is told what happens, `Outcome` comes out.
"""

import errno
import logging
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from streams.media import ffmpeg
from streams.media.discovery import find_source
from streams.media.doctor.doctor import Doctor
from streams.media.doctor.ears import Ears
from streams.media.encoders import Encoders
from streams.media.errors import (
    BrokenOffError,
    EncoderAwayError,
    FeedFailedError,
    IngestSilentError,
    NoPictureError,
    PullFailedError,
    SourceChangedError,
    SourceLostError,
    StorageFullError,
    TranscoderFailedError,
)
from streams.media.held import HeldPicture
from streams.media.job import JobSpec, Observer, Outcome, WhileAway
from streams.media.ladder import Ladder, Rendition, build_ladder
from streams.media.outlet import Outlet
from streams.media.output import RunOutput
from streams.media.overload import OverloadWatch
from streams.media.process import Child, running
from streams.media.progress import LONGEST_STEP_S, AwakeClock
from streams.media.source import Source, check_source, largest_pixels
from streams.media.targets import Latency, choose_targets
from streams.media.tenure import Tenure
from streams.media.transcoding import Transcoding

logger = logging.getLogger(__name__)

_CHECK_IN_S = 1.0
_WATCH_S = 0.1
# While an encoder is awaited, and otherwise: then reports of progress wake us twice a second anyway.
_AWAY_WATCH_S = 0.25
_PLAYABLE_WATCH_S = 0.5
_OUTLET_END_S = 2.0
_PACKAGER_END_S = 2.0
# Every rendition's first part is there in a second or two, or something is wrong that ffmpeg does not tell.
_LONGEST_PACKAGING_S = 30.0
# After the last input, what is in the encoders and the packager comes out in less.
_FLUSH_S = 3.0
# What it may write to in all. Measured with 4K on 2 cores: 640 MB, more with every core. What needs several times that
# was made to.
_TRANSCODER_MEMORY_MB = 6144
# Another run follows, so players must not be told of an end: ffmpeg is killed before it can write one.
_BREAKING_OFF = (
    BrokenOffError,
    FeedFailedError,
    IngestSilentError,
    NoPictureError,
    PullFailedError,
    SourceChangedError,
    StorageFullError,
    TranscoderFailedError,
    OSError,
)


def run_broadcast(spec: JobSpec, observer: Observer) -> Outcome:
    """Broadcast until the encoder stops, and none comes back in time.

    Side effects: child processes (none is left behind, and what an earlier run could not end is), the session's files,
    the multivariant playlists.

    :raises SourceRefusedError: when what the encoder sends cannot be broadcast.
    :raises SourceChangedError: when it sends something else than before, which another run has to check.
    :raises SourceLostError: when it went away before a picture came, or stood still.
    :raises EncoderAwayError: when it has left, an encoder is waited for, and there is nothing to show meanwhile.
    :raises PullFailedError: when nothing comes from the ingest server, although the encoder is there and sends.
    :raises IngestSilentError: when the ingest server does not answer.
    :raises FeedFailedError: when what feeds ffmpeg ended of a fault of its own.
    :raises TranscoderFailedError: when ffmpeg ended by itself, or hung.
    :raises StorageFullError: when the disk is full.
    """
    tenure = Tenure(str(spec.playback.folder), spec.playback.epoch)
    if left_behind := tenure.end_earlier():
        logger.warning("%s: killed transcoders of earlier runs: %s", spec.playback.folder.name, left_behind)
    clock = AwakeClock()
    held = HeldPicture() if spec.while_away is WhileAway.HOLD else None
    doctor = Doctor(is_low=spec.latency_mode is Latency.LOW, known=spec.findings)
    outlet = Outlet(mode=spec.latency_mode, held=held, slate_after_s=spec.slate_after_s, doctor=doctor)
    encoders = Encoders(spec, observer, outlet, clock, held=held)
    try:
        return _Run(spec, observer, clock, outlet, encoders, tenure, doctor).run()
    except (SourceChangedError, SourceLostError):
        # What an encoder did last may be why the run ends.
        observer.diagnosed(doctor.examine(now_ms=_now_ms(), is_last=True))
        raise
    finally:
        outlet.stop(timeout_s=_OUTLET_END_S)
        encoders.close()


class _Run:
    def __init__(
        self,
        spec: JobSpec,
        observer: Observer,
        clock: AwakeClock,
        outlet: Outlet,
        encoders: Encoders,
        tenure: Tenure,
        doctor: Doctor,
    ) -> None:
        self._spec = spec
        self._observer = observer
        self._clock = clock
        self._outlet = outlet
        self._encoders = encoders
        self._tenure = tenure
        self._doctor = doctor
        self._pictures = self._taken_bytes = 0
        self._checked_in_at = 0.0
        self._is_playable = False
        self._output: RunOutput | None = None
        # The rung that goes first if the machine is too busy.
        self._sheddable: Rendition | None = None

    def run(self) -> Outcome:
        source = self._find_source()
        if source is None:
            return Outcome(0)
        check_source(source, max_height=self._spec.max_height)
        ladder = build_ladder(source).without_top(self._spec.shed)
        self._sheddable = ladder.next_to_leave_out
        self._observer.found(source, ladder)
        self._encoders.prepare(source, ladder)
        targets = choose_targets(self._spec.latency_mode, fps=source.fps)
        outlet = self._outlet
        with _full_disk_named():
            output = self._output = RunOutput(
                ladder,
                self._spec.playback,
                targets=targets,
                marks=outlet.marks if ladder.copies_video else None,
                # What is encoded anew is one stream, whatever it is made of.
                cuts=outlet.cuts if ladder.copies_video else None,
                clock_ms=outlet.clock_ms,
            )
        try:
            self._run_transcoder(ladder, output, fragment_s=output.targets.fragment_s)
        finally:
            output.finish(timeout_s=_PACKAGER_END_S)
        self._publish(output)
        if self._encoders.left_over_s:
            raise EncoderAwayError(self._encoders.left_over_s)
        return Outcome(self._encoders.media_ms)

    def _find_source(self) -> Source | None:
        """Return what to broadcast, None when there is nobody to wait for."""
        spec = self._spec
        if spec.name:
            pull = self._encoders.begin()
            return find_source(
                pull,
                self._outlet,
                self._clock,
                max_height=spec.max_height,
                gop_s=spec.gop_s,
                check_in=self._check_in_or_not,
            )
        if spec.source is None:
            raise SourceLostError("No encoder has connected.")
        return None if self._encoders.leave() else spec.source

    def _run_transcoder(self, ladder: Ladder, output: RunOutput, *, fragment_s: float) -> None:
        spec, pipes = self._spec, output.pipes
        stills = output.gallery.stills(thumbnail_path=spec.thumbnail_path, thumbnail_s=spec.thumbnail_s)
        most_pixels = largest_pixels(spec.max_height) if spec.while_away is not WhileAway.NOTHING else 0
        with (
            closing(Ears(self._doctor)) as ears,
            running(
                ffmpeg.transcode_argv(
                    ladder,
                    ffmpeg.Outputs(pipes, fragment_s, spec.latency_mode.segment_s, stills, most_pixels, ears.looks),
                ),
                label=f"transcoder {spec.name}",
                feeds=True,
                is_fed=True,
                inherits=(*pipes, *ears.pipes),
                memory_mb=_TRANSCODER_MEMORY_MB,
                tenure=self._tenure,
            ) as child,
        ):
            output.hand_over()
            ears.hand_over()
            try:
                self._transcode(child, output)
            finally:
                # It reads no more, or has read everything: nobody writes to a pipe that is about to be closed.
                child.kill()
                self._outlet.stop(timeout_s=_OUTLET_END_S)

    def _transcode(self, child: Child, output: RunOutput) -> None:
        self._clock.tick(at_most_s=LONGEST_STEP_S)
        transcoding = Transcoding(child, self._clock, folder=self._spec.playback.folder.parent)
        self._outlet.attach(child.stdin)
        try:
            self._watch(transcoding, output)
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

    def _watch(self, transcoding: Transcoding, output: RunOutput) -> None:
        """Return when the encoder has left, and none is waited for."""
        began_at = self._clock.now_s
        overload = OverloadWatch(now_s=began_at)
        is_over = False
        while not is_over:
            transcoding.wait(timeout_s=self._watch_s())
            self._clock.tick(at_most_s=LONGEST_STEP_S)
            # Sound alone is no reason to expect output: the packager waits for the picture that belongs to it.
            transcoding.look(has_input=self._has_picture())
            is_over = self._encoders.look()
            self._look_for_overload(overload, output)
            if not self._outlet.is_live:
                self._doctor.cover_ears()
            if not transcoding.is_owing:
                # In this order: who was stopped for long finds out that another run has taken over.
                has_checked_in = self._check_in_when_due()
                if has_checked_in:
                    self._encoders.look_for_another()
                if has_checked_in or not self._is_playable:
                    self._publish(output)
            if not self._is_playable and self._clock.now_s - began_at > _LONGEST_PACKAGING_S:
                raise TranscoderFailedError(f"Nothing could be fetched after {_LONGEST_PACKAGING_S:g} seconds.")

    def _look_for_overload(self, overload: OverloadWatch, output: RunOutput) -> None:
        is_pushing, latency_ms = self._outlet.is_pushing, output.latency_ms
        is_overloaded = overload.look(now_s=self._clock.now_s, is_pushing=is_pushing, latency_ms=latency_ms)
        if is_overloaded and self._sheddable is not None:
            self._observer.overloaded(self._sheddable)

    def _watch_s(self) -> float:
        if not self._is_playable:
            return _WATCH_S
        return _AWAY_WATCH_S if self._encoders.waits else _PLAYABLE_WATCH_S

    def _has_picture(self) -> bool:
        """Tell whether a picture was handed on since the last time, or is waiting to be."""
        outlet = self._outlet
        before, self._pictures = self._pictures, outlet.pictures
        taken_before, self._taken_bytes = self._taken_bytes, outlet.taken_bytes
        # Pushing is part of the flow of sound, too; if nothing comes meanwhile, the transcoder takes nothing.
        return self._pictures > before or (outlet.is_pushing and self._taken_bytes == taken_before)

    def _finish(self, transcoding: Transcoding, *, checks_in: bool) -> None:
        """End the input, and let what is in the encoders and the packager come out; then players know of the end."""
        self._outlet.finish()
        self._encoders.kill()
        advanced_at = self._clock.now_s
        while not transcoding.wait(timeout_s=_PLAYABLE_WATCH_S):
            self._clock.tick(at_most_s=LONGEST_STEP_S)
            if transcoding.has_advanced():
                advanced_at = self._clock.now_s
                if checks_in:
                    self._check_in_when_due()
            if self._clock.now_s - advanced_at > _FLUSH_S:
                logger.error("transcoder %s: hangs at its end and is killed", self._spec.name)
                return

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

    def _check_in_or_not(self, is_due: bool) -> None:
        if is_due:
            self._check_in()
        else:
            self._check_in_when_due()

    def _check_in(self) -> None:
        self._checked_in_at = time.monotonic()
        encoders = self._encoders
        self._observer.diagnosed(self._doctor.examine(now_ms=_now_ms()))
        self._observer.check_in(
            media_ms=encoders.media_ms,
            received_bytes=encoders.received_bytes,
            measured=encoders.measure(),
            packager_latency_ms=self._output.latency_ms if self._output is not None else None,
        )


def _now_ms() -> float:
    return time.monotonic() * 1000


@contextmanager
def _full_disk_named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFullError(f"The disk is full: {error}.") from error
        raise
