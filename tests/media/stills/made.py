"""Pictures as the transcoder makes them, and what a decoder makes of them."""

import subprocess
import tempfile
from functools import cache
from pathlib import Path

_CODECS = {
    "jpg": ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "5", "-huffman", "default"],
    "webp": ["-c:v", "libwebp", "-quality", "60"],
}


@cache
def pictures(*, suffix: str = "jpg", size: str = "256x144") -> list[bytes]:
    """Return ten different ones."""
    source = ["-f", "lavfi", "-i", f"testsrc2=s={size}:r=1,hue=h=50*t"]
    with tempfile.TemporaryDirectory() as folder:
        _ffmpeg([*source, "-frames:v", "10", *_CODECS[suffix], "-threads", "1", f"{folder}/%d.{suffix}"])
        return [Path(folder, f"{number}.{suffix}").read_bytes() for number in range(1, 11)]


@cache
def pixels(picture: bytes) -> bytes:
    """Return what a decoder shows, line by line."""
    return _ffmpeg(["-i", "pipe:0", "-f", "rawvideo", "-pix_fmt", "gray", "pipe:1"], given=picture)


def frames(animation: bytes) -> list[bytes]:
    """Return the pictures of an animated WebP, each as a file of its own."""
    return [_riff(chunk[16:]) for name, chunk in _chunks(animation[12:]) if name == b"ANMF"]


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found = []
    while data:
        size = int.from_bytes(data[4:8], "little")
        found.append((data[:4], data[8 : 8 + size]))
        data = data[8 + size + size % 2 :]
    return found


def _riff(chunk: bytes) -> bytes:
    return b"RIFF" + (len(chunk) + 4).to_bytes(4, "little") + b"WEBP" + chunk


def _ffmpeg(words: list[str], *, given: bytes = b"") -> bytes:
    argv = ["ffmpeg", "-loglevel", "error", "-xerror", *words]
    return subprocess.run(argv, input=given, capture_output=True, check=True).stdout
