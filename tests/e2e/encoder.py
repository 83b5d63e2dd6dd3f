"""An encoder: ffmpeg that publishes a test picture as OBS would."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.services import HANG_S

_SOUND = ["-f", "lavfi", "-i", "sine=r=44100", "-c:a", "aac", "-b:a", "96k"]


@dataclass(frozen=True)
class Encoder:
    """A running one; `started_at` is `time.monotonic()`."""

    process: "subprocess.Popen[bytes]"
    started_at: float

    @property
    def is_connected(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> None:
        """Stop as a person does: end the stream, then hang up."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=HANG_S)


@contextmanager
def publishing(
    url: str,
    *,
    size: str = "320x180",
    kbps: int = 300,
    fps: int = 30,
    video: str = "libx264",
    has_video: bool = True,
    brightens_for_s: int = 0,
    gop_s: int = 2,
) -> Iterator[Encoder]:
    """Publish for as long as the block lasts: `fps` frames a second, a key frame every `gop_s`.

    By default a picture that costs next to nothing, since it has no rendition but itself; in a browser, showing each
    frame costs more than all the rest, so that few of them are enough there. `brightens_for_s`: from black
    to white, so that a picture tells when it was taken.
    """
    shown = (
        f"color=white:s={size}:r={fps},fade=d={brightens_for_s}" if brightens_for_s else f"testsrc2=s={size}:r={fps}"
    )
    picture = [
        "-f", "lavfi", "-i", shown, "-c:v", video, "-b:v", f"{kbps}k", "-g", str(gop_s * fps),
        *(["-preset", "ultrafast", "-pix_fmt", "yuv420p", "-sc_threshold", "0"] if video == "libx264" else []),
    ]  # fmt: skip
    # Inputs go before codecs.
    inputs = [*(picture[:4] if has_video else []), *_SOUND[:4]]
    codecs = [*(picture[4:] if has_video else []), *_SOUND[4:]]
    argv = ["ffmpeg", "-nostdin", "-loglevel", "error", "-re", *inputs, *codecs, "-f", "flv", url]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield Encoder(process, time.monotonic())
        finally:
            process.kill()
