"""The relay between the ingest server and the transcoder.

It holds the stream until one whole group of pictures is in, which costs a viewer nothing (no segment can be complete
before), and by then the source is known: nothing that was received is lost to probing. A transcoder whose owner
stalls or dies gets no more input, so it cannot go on as a second one.
"""

import fcntl
import logging
import os
import select
import threading
import time
from contextlib import suppress
from typing import IO

from streams.media.announced import Announced
from streams.media.avc import PictureSize
from streams.media.errors import MediaError, PullFailedError, SourceChangedError, SourceRefusedError
from streams.media.flv import FlvError, TagReader, TagType
from streams.media.media_time import MediaTime
from streams.media.meter import Measured, Meter

logger = logging.getLogger(__name__)

# Memory for more than this the C library fetches from the kernel anew for each read, which costs more than the rest.
_READ_SIZE = 1 << 16
# Encoders send some seventy packets a second; taking several at once halves the cost of the relay.
_COALESCE_S = 0.05
_PIPE_SIZE = 1 << 20  # The kernel's limit for unprivileged users.
# As long as there is no transcoder; with one, nothing is read that it has not taken.
_MOST_HELD_BYTES = 64 << 20
# How soon the thread sees that it is to end.
_NOTICE_MS = 250


class Intake:
    """Reads one FLV stream in a thread of its own; the numbers may be read from any thread.

    Whatever reader and writer do, the thread ends soon after `stop`.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._reader = TagReader()
        self._media_time = MediaTime()
        self._meter = Meter()
        self._announced = Announced()
        self._held: list[bytes] = []
        self._held_size = 0
        self._sink: IO[bytes] | None = None
        self._may_close = False
        self._is_stopping = False
        self._changed = threading.Condition()
        self.key_frames_ms: list[int] = []
        self.video_bytes = 0
        self.first_video_ms: int | None = None
        self.last_video_ms = 0
        self.received_bytes = 0
        # The sink has not taken yet what it was offered.
        self.is_pushing = False
        self.is_over = False
        self.failure: MediaError | None = None
        _widen(stream)
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
        self._thread.start()

    @property
    def gop_s(self) -> float:
        """The longest distance of two key frames so far in seconds, 0 while there is no second one."""
        pairs = zip(self.key_frames_ms, self.key_frames_ms[1:], strict=False)
        return max((later - earlier for earlier, later in pairs), default=0) / 1000

    @property
    def video_kbps(self) -> int:
        """The video's mean bitrate so far."""
        span_ms = self.last_video_ms - (self.first_video_ms or 0)
        return round(self.video_bytes * 8 / span_ms) if span_ms > 0 else 0

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
                time.sleep(_COALESCE_S)

    def _note(self, piece: bytes) -> None:
        with self._changed:
            for tag in self._reader.feed(piece):
                # What was taken in with a change is not handed on: the transcoder cannot make anything of it.
                self._announced.note(tag)
                self._media_time.note(tag)
                self._meter.note(tag)
                if tag.type == TagType.VIDEO:
                    self.video_bytes += tag.size
                    self.first_video_ms = tag.timestamp_ms if self.first_video_ms is None else self.first_video_ms
                    self.last_video_ms = tag.timestamp_ms
                if tag.is_key_frame and self._sink is None:
                    self.key_frames_ms.append(tag.timestamp_ms)
            self._held.append(piece)
            self._held_size += len(piece)
            if self._held_size > _MOST_HELD_BYTES:
                raise SourceRefusedError("The bitrate is too high. Set the encoder to 20 Mbit/s or less.")
            self.received_bytes += len(piece)
            self._changed.notify_all()

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
        poll = select.poll()
        poll.register(sink, select.POLLOUT)
        rest = memoryview(piece)
        while rest and not self._is_stopping:
            with suppress(BlockingIOError):
                rest = rest[os.write(sink.fileno(), rest) :]
                continue
            poll.poll(_NOTICE_MS)

    def _close(self) -> None:
        if self._sink is not None:
            with suppress(BrokenPipeError):  # The transcoder was first to go.
                self._sink.close()


def _widen(stream: IO[bytes]) -> None:
    try:
        fcntl.fcntl(stream, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
    except PermissionError:
        # The user's pipes together are above /proc/sys/fs/pipe-user-pages-soft: it stays as small as it is, so a relay
        # that pauses holds the pull up sooner.
        logger.debug("a pipe stays small: the user has too many")
