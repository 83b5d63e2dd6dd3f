"""What a pull's ffmpeg says of itself: which codecs it found, what it would not open, and why it ended."""

import re
import threading
import time
from collections import deque

from streams.media.pulling.command import Encodes
from streams.media.pulling.source import PullUrl

_LINES_KEPT = 12
_STREAM = re.compile(rb"^\s+Stream #\d+:\d+.*?: (Video|Audio): (\w+)")
_SEGMENT_FAILED, _OF_CONNECTIONS = b"Failed to open segment", (b"[http", b"[tls", b"[tcp", b"[crypto")
_AT_ONCE_S = 1.0
_PICTURE_OF_SOUND = b"(attached pic)"
# By then it has named all that its input has.
_DESCRIBED = (b"Output #", b"Stream mapping", b"Could not write header")
_TAKEN = {b"Video": b"h264", b"Audio": b"aac"}
# What ffmpeg itself will not open, wherever it was named.
_NOT_OPENED = re.compile(
    rb"Protocol '?(\w+)'? not on whitelist|Format (?:not on whitelist|\w+ not in whitelist)|"
    rb"blocked for security reasons|not in allowed_(?:segment_)?extensions|Unsafe file name"
)
_FINISHED_ANYWAY = re.compile(rb"Failed to reload playlist|HTTP error|Error when loading")
_ANSWERED = re.compile(r"(?:Server returned |HTTP error )(\d{3}[^\n(]*|4XX[^\n(]*|5XX[^\n(]*)")
_SAID = re.compile(r"Server error: ([^\n]+)")
_UNAUTHORIZED = "401 Unauthorized"
# Words of ffmpeg -> why nothing comes; the first that is found counts.
_REASONS = (
    ("Connection refused", "The source refuses connections."),
    ("certificate failed verification", "The source's certificate is not trusted."),
    ("does not match hostname", "The source's certificate is for another host."),
    ("method DESCRIBE failed: 404", "The source has no such stream: it answers 404 Not Found."),
    ("wrong passphrase", "The source wants another passphrase."),
    ("Connection timed out", "The source does not answer."),
    ("connection timed out", "The source does not answer."),
    ("Connection setup failure", "The source refuses the connection, or does not answer."),
    ("Output file #0 does not contain any stream", "The source has neither picture nor sound."),
    ("Invalid data found", "What the source sends is no video that can be read."),
    ("moov atom not found", "What the source sends is no video that can be read."),
    ("Unable to find a suitable output format", "What the source sends is no video that can be read."),
)


class PullWords:
    """Listens to one child, by the thread that reads its stderr."""

    def __init__(self, url: PullUrl, encodes: Encodes) -> None:
        self._url = url
        self._encodes = encodes
        self._has_tried = False
        self._passed_over = deque[float](maxlen=2)
        self._is_in_input = self._is_described = False
        self._lines = deque[bytes](maxlen=_LINES_KEPT)
        self._lock = threading.Lock()
        self._not_opened = ""
        self._needed = encodes
        self._has_failed_request = False

    def hear(self, line: bytes) -> None:
        """Take note of a line."""
        with self._lock:
            self._lines.append(line)
            self._has_failed_request |= bool(_FINISHED_ANYWAY.search(line))
            if line.startswith(b"Input #"):
                self._is_in_input = True
            if line.startswith(_DESCRIBED):
                self._is_in_input, self._is_described = False, True
            if (found := _NOT_OPENED.search(line)) and not self._not_opened:
                named = f" by {found[1].decode()}" if found[1] else ""
                self._not_opened = f"The source names something{named} that LiveHub does not open."
            self._note_segment(line)
            self._note_codec(line)

    def _note_segment(self, line: bytes) -> None:
        """Take note of segments that are not fetched without a word of any connection: of kinds that HLS has not."""
        if line.startswith(_OF_CONNECTIONS):
            self._has_tried = True
        if _SEGMENT_FAILED not in line:
            return
        if not self._has_tried:
            self._passed_over.append(time.monotonic())
        self._has_tried = False
        # A connection that times out in silence takes longer.
        if len(self._passed_over) == 2 and self._passed_over[1] - self._passed_over[0] < _AT_ONCE_S:
            self._not_opened = self._not_opened or "The source names something that LiveHub does not open."

    def _note_codec(self, line: bytes) -> None:
        found = _STREAM.search(line) if self._is_in_input else None
        if found is None or _PICTURE_OF_SOUND in line or found[2] == _TAKEN[found[1]]:
            return
        needed = self._needed
        self._needed = Encodes(
            video=needed.video or found[1] == b"Video",
            audio=needed.audio or found[1] == b"Audio",
        )

    @property
    def needs(self) -> Encodes | None:
        """What has to be encoded that is not, None when all is well."""
        with self._lock:
            return self._needed if self._is_described and self._needed != self._encodes else None

    @property
    def not_opened(self) -> str:
        """What was refused by ffmpeg itself, as a sentence; empty while nothing was."""
        with self._lock:
            return self._not_opened

    @property
    def has_failed_request(self) -> bool:
        """Some request failed, so that its end is not the source's."""
        with self._lock:
            return self._has_failed_request

    def reason(self) -> str:
        """Return why it ended, as a sentence without secrets."""
        with self._lock:
            words = b"\n".join(self._lines).decode(errors="replace")
        if said := _SAID.search(words):
            return f"The source refuses: {self._url.hide(said[1]).strip().rstrip('.')}."
        if _UNAUTHORIZED in words:
            return f"The source wants other credentials: it answers {_UNAUTHORIZED}."
        if answered := _ANSWERED.search(words):
            return f"The source answers {answered[1].strip()}."
        for found, reason in _REASONS:
            if found in words:
                return reason
        return "The source has ended the connection."
