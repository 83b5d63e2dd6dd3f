"""The product's own encoder: a moving picture with a running clock, and a tone that beeps every second."""

import logging

from streams.media import clock_code
from streams.media.process import running

logger = logging.getLogger(__name__)

# What people are shown as the encoder.
ENCODER_NAME = "LiveHub's test picture"
# ffmpeg ends by itself; one that has not after so much longer hangs.
_PATIENCE_S = 8.0
_RATE = 30
_SOURCE = [
    "-re", "-f", "lavfi", "-i", f"testsrc2=size=1280x720:rate={_RATE}",
    "-f", "lavfi", "-i", "sine=frequency=440:beep_factor=2:sample_rate=48000",
]  # fmt: skip
# A key frame every 2 s, so that it is passed through.
_CODECS = [
    "-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-pix_fmt", "yuv420p",
    "-b:v", "2500k", "-maxrate", "2500k", "-bufsize", "2500k", "-g", "60", "-sc_threshold", "0",
    "-c:a", "aac", "-b:a", "128k",
]  # fmt: skip


def argv_for_people(url: str) -> list[str]:
    """Return the command that anybody with ffmpeg can run, without a file; it goes on until it is stopped."""
    return ["ffmpeg", *_SOURCE, *_CODECS, "-f", "flv", url]


def publish_argv(*, base_url: str, name: str, length_s: float, has_clock_code: bool = False) -> list[str]:
    """Return the command that publishes under a stream name for a while, then ends.

    The name, which may be a secret, is no part of the URL, since ffmpeg's complaints repeat that; `base_url` ends
    with a slash. `has_clock_code`: each picture says when it was drawn (`clock_code`).
    """
    drawn = ["-vf", clock_code.drawing(rate=_RATE)] if has_clock_code else []
    return [
        "ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error", *_SOURCE, *drawn, *_CODECS, "-t", str(length_s),
        "-rtmp_playpath", name, "-f", "flv", base_url.rstrip("/"),
    ]  # fmt: skip


def trial_argv() -> list[str]:
    """Return the command that makes a few pictures with the clock code, and throws them away."""
    return [
        "ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error", *_SOURCE, "-vf", clock_code.drawing(rate=_RATE),
        *_CODECS, "-t", "0.2", "-f", "null", "-",
    ]  # fmt: skip


def publish(*, base_url: str, name: str, length_s: float, label: str) -> None:
    """Publish the test picture and return when it is over, at the latest a few seconds after its length.

    An encoder that is cut, or that hangs, is no error of ours to raise: the log says so. `label` names it there.
    """
    with running(publish_argv(base_url=base_url, name=name, length_s=length_s), label=label) as child:
        if not child.wait(timeout_s=length_s + _PATIENCE_S):
            logger.warning("%s: it hangs, and is killed", label)
        elif child.exit_code:
            logger.info("%s: ended with exit code %s", label, child.exit_code)
