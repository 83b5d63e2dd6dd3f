"""One encoder's connection: reading its FLV, and what is known of it by what came."""

import os
import threading
import time
from typing import IO

from streams.media.announced import Announced
from streams.media.avc import PictureSize
from streams.media.errors import MediaError, SourceRefusedError
from streams.media.flv import Tag, TagReader, TagType
from streams.media.marks import KeyFrameDistances
from streams.media.media_time import MediaTime, Pace
from streams.media.meter import Measured, Meter
from streams.media.process import widen

# Memory for more than this the C library fetches from the kernel anew for each read, which costs more than the rest.
READ_SIZE = 1 << 16
# What we recommend, and most encoders send.
_USUAL_GOP_MS = 2_000
# Sound and picture are not interleaved better by some encoders; and a pause that is longer is an end.
_LONGEST_STEP_BACK_MS = 2_000
_LONGEST_STEP_MS = 10_000
# A picture is shown some frames before or after it is decoded.
_LONGEST_COMPOSITION_MS = 10_000
# Encoders send two hundred pictures and sounds a second, and at once what a network held up. Each costs a worker as
# much as another, however small it is.
_MOST_TAGS, _COUNTED_S = 20_000, 10.0


class Intake:
    """Reads one FLV stream, by one thread; the numbers may be read from any."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        # Asked once: whoever closes the stream may do so while the reader is about to wait for it.
        self.descriptor = stream.fileno()
        self._reader = TagReader()
        self._media_time = MediaTime()
        self._pace = Pace()
        self._meter = Meter()
        self._lock = threading.Lock()
        self.announced = Announced()
        self._distances = KeyFrameDistances()
        self._tags, self._counted_since = 0, time.monotonic()
        # The first two, as shown.
        self.key_frames_ms: list[int] = []
        self._newest_ms = 0
        self.video_bytes = 0
        self._key_frame_bytes = 0
        self.first_video_ms: int | None = None
        self.last_video_ms = 0
        self.received_bytes = 0
        self.is_over = False
        self.failure: MediaError | None = None
        widen(self.descriptor)

    @property
    def header(self) -> bytes:
        """What the stream begins with, empty until that was read."""
        return self._reader.header

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

    @property
    def picture_size(self) -> PictureSize | None:
        """What the encoder has announced, None when that is not known."""
        return self.announced.picture_size

    @property
    def media_ms(self) -> int:
        """The media time that came in."""
        return self._media_time.elapsed_ms

    def measure(self) -> Measured:
        """Return what comes now."""
        with self._lock:
            return self._meter.read()

    def read(self) -> bytes:
        """Return some of what is there, empty at the end.

        :raises OSError: when it cannot be read.
        """
        piece = os.read(self.descriptor, READ_SIZE)
        self.received_bytes += len(piece)
        return piece

    def tags(self, piece: bytes) -> list[Tag]:
        """Return the tags that are whole with a piece.

        :raises FlvError: when the stream does not begin as FLV does.
        """
        return list(self._reader.feed(piece))

    def check(self, tag: Tag) -> None:
        """Accept a tag with times that make sense.

        :raises SourceRefusedError: when a picture is shown long before or after it is decoded: a gap of hours to fill.
        """
        if abs(tag.composition_ms) > _LONGEST_COMPOSITION_MS:
            raise SourceRefusedError("The encoder's pictures have no usable times. Restart the encoder.")

    def note(self, tag: Tag) -> None:
        """Take in the next tag."""
        self._tags += 1
        self.announced.take(tag)
        with self._lock:
            self._media_time.note(tag)
            self._meter.note(tag)
        if tag.type == TagType.VIDEO:
            self.video_bytes += tag.size
            self.first_video_ms = tag.timestamp_ms if self.first_video_ms is None else self.first_video_ms
            self.last_video_ms = tag.timestamp_ms
        if tag.is_key_frame:
            self._note_key_frame(tag)

    def has_jumped(self, tag: Tag) -> bool:
        """Tell whether the encoder's clock did, before that tag."""
        step_ms = tag.timestamp_ms - self._newest_ms
        if self._newest_ms and not -_LONGEST_STEP_BACK_MS <= step_ms <= _LONGEST_STEP_MS:
            self._newest_ms = tag.timestamp_ms
            return True
        self._newest_ms = max(self._newest_ms, tag.timestamp_ms)
        return False

    def check_pace(self) -> None:
        """Accept a clock that goes on, and no more media than encoders make.

        :raises SourceRefusedError: when it stands still, or far too much comes in small pieces.
        """
        now_s = time.monotonic()
        if self._pace.stands_still(self._newest_ms, now_s=now_s):
            raise SourceRefusedError(
                "The encoder's clock stands still, so its pictures have no times. Restart the encoder."
            )
        if now_s - self._counted_since > _COUNTED_S:
            self._tags, self._counted_since = 0, now_s
        if self._tags > _MOST_TAGS:
            raise SourceRefusedError(
                "The encoder sends far more pictures or sounds a second than it should. Restart it."
            )

    def _note_key_frame(self, tag: Tag) -> None:
        if not self.key_frames_ms:
            self._key_frame_bytes = tag.size
        if len(self.key_frames_ms) < 2:
            self.key_frames_ms.append(tag.shown_ms)
        # A pause of the encoder is no distance of key frames.
        self._distances.note(self.media_ms)
