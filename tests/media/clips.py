"""Short clips, made by ffmpeg."""

import hashlib
import os
import subprocess
from functools import lru_cache
from pathlib import Path

from tests.services import GIVEN_CLUSTER

_PICTURE = ["-f", "lavfi", "-i", "testsrc2=s={size}:r={fps}:d={picture_s}{effect}"]
# The whole picture changes every 0.7 s.
_CUTS = ",negate=enable='mod(floor(t/0.7),2)'"
_SOUND = ["-f", "lavfi", "-i", "sine=r=48000"]


@lru_cache
def flv(
    *,
    size: str = "640x360",
    fps: int = 30,
    gop: int = 60,
    seconds: float = 5,
    picture_s: float | None = None,
    has_audio: bool = True,
    has_cuts: bool = False,
    profile: str = "high",
    level: str = "3.1",
    pixels: str = "yuv420p",
    x264: str = "",
    key_frames: str = "",
) -> bytes:
    """Return H.264 (and AAC) in FLV, as an encoder sends it; `picture_s`: only the sound goes on then.

    `x264` is further options of the encoder (`bframes=2:interlaced=1`); `key_frames` are times of some beside `gop`.
    """
    length_s = seconds if picture_s is None else picture_s
    sound = [*_SOUND, "-c:a", "aac", "-ac", "2"] if has_audio else []
    effect = _CUTS if has_cuts else ""
    picture = [part.format(size=size, fps=fps, picture_s=length_s, effect=effect) for part in _PICTURE]
    argv = [
        "ffmpeg", "-nostdin", "-loglevel", "error", *picture, *sound,
        # Coarse, which is made in three quarters of the time that x264's usual quality takes, and read in two thirds.
        "-c:v", "libx264", "-preset", "superfast", "-crf", "32", "-tune", "zerolatency",
        "-profile:v", profile, "-level", level,
        "-pix_fmt", pixels, *(["-x264-params", x264] if x264 else []), "-g", str(gop), "-sc_threshold", "0",
        *(["-force_key_frames", key_frames] if key_frames else []),
        "-t", str(seconds), "-f", "flv", "-flvflags", "no_duration_filesize", "pipe:1",
    ]  # fmt: skip
    return made_once(argv)


def made_once(argv: list[str]) -> bytes:
    """Return what a program writes; where several processes run tests, one lets it work for all of them.

    The same words have to make the same: many tests look at a few clips, each of which takes about a second of a core.
    """
    given = os.environ.get(GIVEN_CLUSTER)
    if given is None:
        return subprocess.run(argv, capture_output=True, check=True).stdout
    # Beside what they share otherwise, which goes with the run.
    kept = Path(given).parent / "clips" / hashlib.sha256("\0".join(argv).encode()).hexdigest()
    if not kept.exists():
        kept.parent.mkdir(exist_ok=True)
        own = kept.with_suffix(f".{os.getpid()}")
        own.write_bytes(subprocess.run(argv, capture_output=True, check=True).stdout)
        own.replace(kept)
    return kept.read_bytes()
