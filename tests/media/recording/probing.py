"""What ffmpeg and ffprobe find in a file."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.services import HANG_S

# Pictures of any size, each as it is.
_AS_THEY_ARE = ["-autoscale", "0", "-fps_mode", "passthrough"]


@dataclass(frozen=True)
class Packet:
    """Encoded, by the checksum of its bytes; `at_s` is when it is shown."""

    at_s: float
    checksum: str
    is_key: bool


def pictures(media: bytes | Path) -> list[str]:
    """Return a checksum of each decoded picture, in the order in which they are shown."""
    return [checksum for _, checksum in timed_pictures(media)]


def timed_pictures(media: bytes | Path, *, seek_s: float | None = None, count: int = 0) -> list[tuple[float, str]]:
    """Return when each decoded picture is shown, in seconds, and its checksum; the first so many from a time on."""
    seek = [] if seek_s is None else ["-ss", f"{seek_s:.6f}", "-copyts"]
    source = "pipe:0" if isinstance(media, bytes) else str(media)
    argv = [
        "ffmpeg", "-nostdin", "-v", "error", "-xerror", *seek, "-i", source, "-map", "0:v", *_AS_THEY_ARE,
        *(["-frames:v", str(count)] if count else []), "-enc_time_base", "1:90000", "-f", "framemd5", "pipe:1",
    ]  # fmt: skip
    fed = media if isinstance(media, bytes) else None
    run = subprocess.run(argv, input=fed, capture_output=True, check=False, timeout=HANG_S)
    assert run.returncode == 0, run.stderr.decode()
    assert not run.stderr, run.stderr.decode()
    lines = run.stdout.decode().splitlines()
    rows = [line.split(",") for line in lines if line and not line.startswith("#")]
    return [(int(row[2]) / 90_000, row[-1].strip()) for row in rows]


def packets(path: Path, kind: str) -> list[Packet]:
    """Return what is in a track, in the order in which it is decoded."""
    argv = [
        "ffprobe", "-v", "error", "-select_streams", kind, "-show_packets", "-show_data_hash", "MD5",
        "-show_entries", "packet=pts_time,data_hash,flags", "-of", "json", str(path),
    ]  # fmt: skip
    run = subprocess.run(argv, capture_output=True, check=True, timeout=HANG_S)
    found = json.loads(run.stdout)["packets"]
    return [Packet(float(each["pts_time"]), each["data_hash"], each["flags"].startswith("K")) for each in found]


def top_boxes(content: bytes) -> list[tuple[str, int]]:
    """Return the kind and size of each box that a reader goes through, in order. Source: ISO/IEC 14496-12, 4.2."""
    found, at = list[tuple[str, int]](), 0
    while at < len(content):
        size, kind = int.from_bytes(content[at : at + 4]), content[at + 4 : at + 8].decode("ascii")
        if size == 1:
            size = int.from_bytes(content[at + 8 : at + 16])
        assert size >= 8
        found.append((kind, size))
        at += size
    assert at == len(content)
    return found


def durations(path: Path) -> dict[str, float]:
    """Return how long the file is, and each of its tracks by what is in it."""
    argv = ["ffprobe", "-v", "error", "-show_entries", "format=duration:stream=codec_type,duration", "-of", "json"]
    found = json.loads(subprocess.run([*argv, str(path)], capture_output=True, check=True, timeout=HANG_S).stdout)
    lengths = {each["codec_type"]: float(each["duration"]) for each in found["streams"]}
    return {**lengths, "file": float(found["format"]["duration"])}
