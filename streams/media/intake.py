"""The relay between the ingest server and the transcoder.

It holds the stream until one whole group of pictures is in, which costs a viewer nothing (no segment can be complete
before), and by then the source is known: nothing that was received is lost to probing. A transcoder whose owner
stalls or dies gets no more input, so it cannot go on as a second one.
"""

import fcntl
import os
import threading
import time
from contextlib import suppress
from typing import IO

from streams.media.errors import MediaError, SourceRefusedError, TranscoderFailedError
from streams.media.flv import FlvError, TagReader, TagType

_READ_SIZE = 1 << 18
# Encoders send some seventy packets a second; taking several at once halves the cost of the relay.
_COALESCE_S = 0.04
_PIPE_SIZE = 1 << 20  # The kernel's limit for unprivileged users.
_MOST_HELD_BYTES = 64 << 20


class Intake:
    """Reads one FLV stream in a thread of its own; the numbers may be read from any thread."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._reader = TagReader()
        self._held: list[bytes] = []
        self._held_size = 0
        self._sink: IO[bytes] | None = None
        self._is_flowing = False
        self._changed = threading.Condition()
        self.key_frames_ms: list[int] = []
        self.video_bytes = 0
        self.first_video_ms: int | None = None
        self.last_video_ms = 0
        # `time.time()` of the latest media, or 0.
        self.received_at = 0.0
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

    def held(self) -> bytes:
        """Return what has been received and not yet handed on."""
        with self._changed:
            return b"".join(self._held)

    def wait(self, *, timeout_s: float) -> None:
        """Return when something was received, or after the time."""
        with self._changed:
            self._changed.wait(timeout_s)

    def attach(self, sink: IO[bytes]) -> None:
        """Hand everything held, and all that follows, to a pipe; it is closed when the stream is over."""
        with self._changed:
            self._sink = sink
            if self.is_over:
                self._flow()
                self._close(sink)

    def join(self, *, timeout_s: float) -> None:
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            while piece := os.read(self._stream.fileno(), _READ_SIZE):
                self._note(piece)
                self._flow()
                time.sleep(_COALESCE_S)
        except FlvError as error:
            self.failure = TranscoderFailedError(f"The pull from the ingest server is broken: {error}")
        except SourceRefusedError as error:
            self.failure = error
        finally:
            with self._changed:
                self.is_over = True
                self._flow()
                if self._sink is not None:
                    self._close(self._sink)
                self._changed.notify_all()

    def _note(self, piece: bytes) -> None:
        with self._changed:
            for tag in self._reader.feed(piece):
                if tag.type == TagType.VIDEO:
                    self.video_bytes += tag.size
                    self.first_video_ms = tag.timestamp_ms if self.first_video_ms is None else self.first_video_ms
                    self.last_video_ms = tag.timestamp_ms
                if tag.is_key_frame and not self._is_flowing:
                    self.key_frames_ms.append(tag.timestamp_ms)
            self._held.append(piece)
            self._held_size += len(piece)
            if self._held_size > _MOST_HELD_BYTES:
                raise SourceRefusedError("The bitrate is too high to be probed. Set the encoder to 20 Mbit/s or less.")
            self.received_at = time.time()
            self._changed.notify_all()

    def _flow(self) -> None:
        if self._sink is None:
            return
        self._is_flowing = True
        pieces, self._held, self._held_size = self._held, [], 0
        try:
            for piece in pieces:
                self._sink.write(piece)
            self._sink.flush()
        except (BrokenPipeError, ValueError):
            # The transcoder is gone; its owner sees that. Reading goes on: the ingest server is not held up.
            pass

    @staticmethod
    def _close(sink: IO[bytes]) -> None:
        with suppress(BrokenPipeError):  # The transcoder was first to go.
            sink.close()


def _widen(stream: IO[bytes]) -> None:
    fcntl.fcntl(stream, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
