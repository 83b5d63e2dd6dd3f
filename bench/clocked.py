"""A picture that tells when it was made, and a page that reads it back: glass to glass, by one machine's clock."""

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO

from playwright.sync_api import Page

from streams.media.process import widen

_WIDTH, _HEIGHT, _FPS = 640, 480, 30
# The last so many bits of milliseconds since 1970, each a field of the picture's top, black or white.
_BITS = 32
_FIELD = _WIDTH // _BITS
_FIELD_HEIGHT = 40
_SAMPLE_RATE = 48_000
_BLACK, _WHITE = 16, 235

_READER = """
() => {
  const video = document.querySelector('video');
  const canvas = document.createElement('canvas');
  canvas.width = BITS; canvas.height = 1;
  const context = canvas.getContext('2d', {willReadFrequently: true});
  window.latencies = [];
  window.shown_ms = [];
  window.stalls = 0;
  video.addEventListener('waiting', () => { if (window.latencies.length) window.stalls += 1; });
  const read = () => {
    const scale = video.videoWidth / WIDTH;
    context.imageSmoothingEnabled = false;
    for (let bit = 0; bit < BITS; bit += 1) {
      context.drawImage(video, (bit + 0.5) * FIELD * scale, HEIGHT / 2 * scale, 1, 1, bit, 0, 1, 1);
    }
    const pixels = context.getImageData(0, 0, BITS, 1).data;
    let made = 0n;
    for (let bit = 0; bit < BITS; bit += 1) made = made * 2n + (pixels[bit * 4] > 127 ? 1n : 0n);
    window.shown_ms.push(Date.now());
    const now = BigInt(window.shown_ms.at(-1)) % (1n << BigInt(BITS));
    window.latencies.push(Number(now - made));
    video.requestVideoFrameCallback(read);
  };
  video.requestVideoFrameCallback(read);
}
"""


@dataclass
class ClockedEncoder:
    """One that publishes such a picture; `sends_since` is None until it may send, then seconds since 1970."""

    process: "subprocess.Popen[bytes]"
    sends_since: float | None = None

    def listen(self) -> None:
        """Follow what it says until it ends."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            # Said when the ingest server has let it in; its first key frame is next.
            if line.startswith(b"Output #0"):
                self.sends_since = time.time()


@contextmanager
def clocked_encoder(url: str, *, coder: str = "0", scale: float = 1.0) -> Iterator[ClockedEncoder]:
    """Publish such a picture, with silence and a key frame every 2 s, for as long as the block lasts."""
    # Sound of a clock of its own would hold the picture up: what is published is in the order of time.
    reading, writing = os.pipe()
    # While ffmpeg looks at the picture it reads no sound, and the painter must not wait for it.
    widen(writing)
    argv = [
        "ffmpeg", "-hide_banner", "-nostats",
        "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{_WIDTH}x{_HEIGHT}", "-r", str(_FPS), "-i", "pipe:0",
        "-f", "s16le", "-ar", str(_SAMPLE_RATE), "-ac", "1",
        # What it is has been said: while ffmpeg listened for more it would take no picture.
        "-probesize", "32", "-analyzeduration", "0", "-i", f"pipe:{reading}",
        "-vf", f"scale={round(_WIDTH * scale)}:{round(_HEIGHT * scale)}:flags=neighbor",
        "-c:v", "libx264", "-preset", "ultrafast", "-coder", coder, "-tune", "zerolatency",
        "-pix_fmt", "yuv420p", "-b:v", "1500k",
        "-g", str(_FPS * 2), "-sc_threshold", "0", "-c:a", "aac", "-b:a", "128k", "-f", "flv", url,
    ]  # fmt: skip
    with (
        subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0, pass_fds=[reading]) as process,
        os.fdopen(writing, "wb", buffering=0) as sound,
    ):
        os.close(reading)
        is_over = threading.Event()
        painter = threading.Thread(target=_paint, args=(process, sound, is_over), daemon=True)
        painter.start()
        encoder = ClockedEncoder(process)
        listener = threading.Thread(target=encoder.listen, daemon=True)
        listener.start()
        try:
            yield encoder
        finally:
            is_over.set()
            # First: the painter may be writing to it.
            process.kill()
            painter.join()
            listener.join()


def _paint(process: "subprocess.Popen[bytes]", sound: IO[bytes], is_over: threading.Event) -> None:
    assert process.stdin is not None
    rest = bytes([100]) * (_WIDTH * (_HEIGHT - _FIELD_HEIGHT)) + bytes([128]) * (_WIDTH * _HEIGHT // 2)
    due = time.monotonic()
    while not is_over.is_set():
        made_ms = int(time.time() * 1000)
        fields = ((_WHITE if made_ms >> (_BITS - 1 - bit) & 1 else _BLACK) for bit in range(_BITS))
        row = b"".join(bytes([field]) * _FIELD for field in fields)
        with suppress(BrokenPipeError):
            sound.write(bytes(_SAMPLE_RATE // _FPS * 2))
            process.stdin.write(row * _FIELD_HEIGHT + rest)
        due += 1 / _FPS
        time.sleep(max(0.0, due - time.monotonic()))


def read_clock(page: Page) -> None:
    """Begin to read the picture of a page's video, frame by frame."""
    script = _READER.replace("BITS", str(_BITS)).replace("WIDTH", str(_WIDTH)).replace("FIELD", str(_FIELD))
    page.evaluate(script.replace("HEIGHT", str(_FIELD_HEIGHT)))


def latencies_ms(page: Page, *, seconds: float) -> tuple[list[int], int]:
    """Return how old the pictures of the next seconds are when they are shown, in order, and how often it stalled."""
    page.evaluate("() => { window.latencies = []; window.stalls = 0; }")
    page.wait_for_timeout(seconds * 1000)
    found: list[int] = page.evaluate("() => window.latencies")
    stalls: int = page.evaluate("() => window.stalls")
    return sorted(found), stalls
