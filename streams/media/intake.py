"""The relay between the ingest server and the transcoder.

It holds the stream until the source is known, so that nothing that was received is lost to probing. A transcoder whose
owner stalls or dies gets no more input, so it cannot go on as a second one.
"""

import os
import select
import threading
import time
from contextlib import suppress
from typing import IO

from streams.media.announced import Announced
from streams.media.avc import PictureSize
from streams.media.errors import MediaError, PullFailedError, SourceChangedError, SourceRefusedError
from streams.media.flv import FlvError, Tag, TagReader, TagType
from streams.media.marks import KeyFrameDistances, KeyFrameMarks
from streams.media.media_time import MediaTime, Pace
from streams.media.meter import Measured, Meter
from streams.media.process import widen
from streams.media.targets import Latency

# Memory for more than this the C library fetches from the kernel anew for each read, which costs more than the rest.
_READ_SIZE = 1 << 16
# As long as there is no transcoder; with one, nothing is read that it has not taken.
_MOST_HELD_BYTES = 64 << 20
# What we recommend, and most encoders send.
_USUAL_GOP_MS = 2_000
# Sound and picture are not interleaved better by some encoders; and a pause that is longer is an end.
_LONGEST_STEP_BACK_MS = 2_000
_LONGEST_STEP_MS = 10_000
# How soon the thread sees that it is to end.
_NOTICE_MS = 250


class Intake:
    """Reads one FLV stream in a thread of its own; the numbers may be read from any thread.

    Whatever reader and writer do, the thread ends soon after `stop`.
    """

    def __init__(self, stream: IO[bytes], *, mode: Latency) -> None:
        self._stream = stream
        self._gathered_s = mode.gathered_s
        self._reader = TagReader()
        self._media_time = MediaTime()
        self._pace = Pace()
        self._meter = Meter()
        self._announced = Announced()
        self._held: list[bytes] = []
        self._held_size = 0
        self._sink: IO[bytes] | None = None
        self._may_close = False
        self._is_stopping = False
        self._changed = threading.Condition()
        # Where the transcoder's output is to be cut, if it keeps the source's key frames.
        self.marks = KeyFrameMarks(segment_s=mode.segment_s)
        self._distances = KeyFrameDistances()
        # The first two, as shown.
        self.key_frames_ms: list[int] = []
        # What to add to the stream's own milliseconds for those since 1970, going by what came soonest.
        self._clock_ms: float | None = None
        self._newest_ms = 0
        self.video_bytes = 0
        self._key_frame_bytes = 0
        self.first_video_ms: int | None = None
        self.last_video_ms = 0
        self.received_bytes = 0
        # The sink has not taken yet what it was offered.
        self.is_pushing = False
        self.is_over = False
        self.failure: MediaError | None = None
        widen(stream.fileno())
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
        self._thread.start()

    @property
    def gop_s(self) -> float:
        """The distance of the first two key frames in seconds, 0 while there is no second one."""
        return (self.key_frames_ms[1] - self.key_frames_ms[0]) / 1000 if len(self.key_frames_ms) > 1 else 0.0

    @property
    def far_gop_s(self) -> float:
        """How far apart key frames are that are too far apart for segments to begin with them, else 0."""
        return self._distances.too_far_s(now_ms=self.media_ms)

    @property
    def video_ms(self) -> int:
        """How much video came since its first key frame."""
        return self.last_video_ms - self.key_frames_ms[0] if self.key_frames_ms else 0

    @property
    def video_kbps(self) -> int:
        """The video's mean bitrate so far."""
        span_ms = self.last_video_ms - (self.first_video_ms or 0)
        if span_ms <= 0:
            return 0
        if len(self.key_frames_ms) > 1:
            return round(self.video_bytes * 8 / span_ms)
        # A key frame at the beginning stands for more than what came of it yet.
        others = (self.video_bytes - self._key_frame_bytes) * 8 / span_ms
        return round(others + self._key_frame_bytes * 8 / _USUAL_GOP_MS)

    def clock_ms(self) -> float:
        """Return what to add to the stream's own milliseconds for those since 1970."""
        with self._changed:
            return self._clock_ms or 0.0

    @property
    def picture_size(self) -> PictureSize | None:
        """What the encoder has announced, None when that is not known."""
        return self._announced.picture_size

    @property
    def media_ms(self) -> int:
        """The media time that came in."""
        return self._media_time.elapsed_ms

    def measure(self) -> Measured:
        """Return what comes now."""
        with self._changed:
            return self._meter.read()

    def held(self) -> bytes:
        """Return what has been received and not yet handed on."""
        with self._changed:
            return b"".join(self._held)

    def wait(self, *, timeout_s: float) -> None:
        """Return when something was received, or after the time."""
        with self._changed:
            self._changed.wait(timeout_s)

    def attach(self, sink: IO[bytes]) -> None:
        """Hand everything held, and all that follows, to a pipe."""
        os.set_blocking(sink.fileno(), False)
        with self._changed:
            self._sink = sink
            self._changed.notify_all()

    def finish(self) -> None:
        """Let the sink be closed once it has everything; until then its reader does not see an end."""
        with self._changed:
            self._may_close = True
            self._changed.notify_all()

    def stop(self, *, timeout_s: float) -> None:
        """End the thread, whatever has not been handed on."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            self._take_all()
        except FlvError as error:
            self.failure = PullFailedError(f"The pull from the ingest server is broken: {error}")
        except (SourceChangedError, SourceRefusedError) as error:
            self.failure = error
        except OSError as error:
            self.failure = PullFailedError(f"The pull from the ingest server cannot be read: {error}")
        with self._changed:
            self.is_over = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._is_stopping or (self._sink is not None and self._may_close))
        if not self._is_stopping:
            self._flow()
            self._close()

    def _take_all(self) -> None:
        poll = select.poll()
        poll.register(self._stream, select.POLLIN)
        while not self._is_stopping:
            if not poll.poll(_NOTICE_MS):
                self._flow()
                continue
            piece = os.read(self._stream.fileno(), _READ_SIZE)
            if not piece:
                return
            self._note(piece)
            self._flow()
            if len(piece) < _READ_SIZE:
                time.sleep(self._gathered_s)

    def _note(self, piece: bytes) -> None:
        now_ms = time.time() * 1000
        with self._changed:
            for tag in self._reader.feed(piece):
                # What was taken in with a change is not handed on: the transcoder cannot make anything of it.
                self._check_clock(tag)
                self._announced.note(tag)
                self._media_time.note(tag)
                self._meter.note(tag)
                if tag.type == TagType.VIDEO:
                    self.video_bytes += tag.size
                    self.first_video_ms = tag.timestamp_ms if self.first_video_ms is None else self.first_video_ms
                    self.last_video_ms = tag.timestamp_ms
                    arrival_ms = now_ms - tag.timestamp_ms
                    self._clock_ms = arrival_ms if self._clock_ms is None else min(self._clock_ms, arrival_ms)
                if tag.is_key_frame:
                    self._note_key_frame(tag)
            if self._pace.stands_still(self._newest_ms, now_s=time.monotonic()):
                raise SourceRefusedError(
                    "The encoder's clock stands still, so its pictures have no times. Restart the encoder."
                )
            self._held.append(piece)
            self._held_size += len(piece)
            if self._held_size > _MOST_HELD_BYTES:
                raise SourceRefusedError("The bitrate is too high. Set the encoder to 20 Mbit/s or less.")
            self.received_bytes += len(piece)
            self._changed.notify_all()

    def _check_clock(self, tag: Tag) -> None:
        """Refuse a jump of the encoder's clock: what follows fits to nothing that is there."""
        step_ms = tag.timestamp_ms - self._newest_ms
        if self._newest_ms and not -_LONGEST_STEP_BACK_MS <= step_ms <= _LONGEST_STEP_MS:
            raise SourceChangedError("The encoder's clock jumped.")
        self._newest_ms = max(self._newest_ms, tag.timestamp_ms)

    def _note_key_frame(self, tag: Tag) -> None:
        if not self.key_frames_ms:
            self._key_frame_bytes = tag.size
        if len(self.key_frames_ms) < 2:
            self.key_frames_ms.append(tag.shown_ms)
        # A pause of the encoder is no distance of key frames.
        self._distances.note(self.media_ms)
        self.marks.note(tag.shown_ms)

    def _flow(self) -> None:
        if self._sink is None:
            return
        pieces, self._held, self._held_size = self._held, [], 0
        self.is_pushing = bool(pieces)
        # The transcoder may be gone; its owner sees that. Reading goes on: the ingest server is not held up.
        with suppress(BrokenPipeError):
            for piece in pieces:
                self._push(self._sink, piece)
        self.is_pushing = False

    def _push(self, sink: IO[bytes], piece: bytes) -> None:
        rest = memoryview(piece)
        while rest and not self._is_stopping:
            try:
                rest = rest[os.write(sink.fileno(), rest) :]
            except BlockingIOError:
                poll = select.poll()
                poll.register(sink, select.POLLOUT)
                poll.poll(_NOTICE_MS)

    def _close(self) -> None:
        if self._sink is not None:
            with suppress(BrokenPipeError):  # The transcoder was first to go.
                self._sink.close()
