"""The running transcoder: waiting for it, judging it, and saying why it failed."""

import errno
import os
import shutil
from pathlib import Path

from streams.media.errors import MediaError, StorageFullError, TranscoderFailedError
from streams.media.process import Child
from streams.media.progress import AwakeClock, OutputWatch, Reports

_FULL = tuple(os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT))
# With less, segments may soon lack their end: ffmpeg's HLS muxer does not say when it cannot write.
_LEAST_FREE_BYTES = 16 << 20
_ROOM_CHECK_S = 1.0


class Transcoding:
    """One ffmpeg that turns what its stdin gets into files below a folder."""

    def __init__(self, child: Child, clock: AwakeClock, *, folder: Path) -> None:
        self._child = child
        self._clock = clock
        self._folder = folder
        self._reports = Reports(child.stdout.fileno())
        self._watch = OutputWatch(now_s=clock.now_s)
        self._room_checked_at = clock.now_s - _ROOM_CHECK_S

    @property
    def is_owing(self) -> bool:
        """Input came, and nothing follows, as it did before."""
        return self._watch.is_owing

    def wait(self, *, timeout_s: float) -> bool:
        """Tell whether it ended; return after the time at the latest, or as soon as it reports."""
        return self._child.wait(timeout_s=timeout_s, or_readable=self._reports.descriptor)

    def has_advanced(self) -> bool:
        """Tell whether it reports of more output than before."""
        return self._reports.have_advanced()

    def look(self, *, has_input: bool) -> None:
        """Note what was seen since the last look.

        :raises TranscoderFailedError: when it ended although its input did not, or hangs.
        :raises StorageFullError: when it has no room to write.
        """
        has_advanced = self.has_advanced()
        if self._child.exit_code is not None:
            raise self.failure()
        self._watch.look(now_s=self._clock.now_s, has_advanced=has_advanced, has_input=has_input)
        if self._watch.is_hung(now_s=self._clock.now_s):
            raise TranscoderFailedError("ffmpeg stopped making progress, although media came.")
        self._check_room()

    def check_end(self) -> None:
        """Accept that it ended after its input did.

        :raises MediaError: as `look` does, when it did not end well.
        """
        if self._child.exit_code:
            raise self.failure()

    def failure(self) -> MediaError:
        """Return why it ended."""
        words = self._last_words()
        if self._is_room_short() or any(word in words for word in _FULL):
            return StorageFullError(f"The disk is full: {words}")
        return TranscoderFailedError(words)

    def _last_words(self) -> str:
        code = self._child.exit_code
        if code is not None and code < 0:
            # Whatever it said before is not why.
            return f"ffmpeg was killed by signal {-code}."
        return self._child.last_words() or f"ffmpeg ended with code {code}."

    def _check_room(self) -> None:
        if self._clock.now_s - self._room_checked_at < _ROOM_CHECK_S:
            return
        self._room_checked_at = self._clock.now_s
        if self._is_room_short():
            raise StorageFullError(f"The disk is full: less than {_LEAST_FREE_BYTES >> 20} MB are free.")

    def _is_room_short(self) -> bool:
        return shutil.disk_usage(self._folder).free < _LEAST_FREE_BYTES
