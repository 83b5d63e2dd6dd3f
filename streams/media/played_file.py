"""Looks at a file as a player would: how long it is, and whether its pictures can be decoded."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from streams.media.errors import MediaError

# Of one look, at a file that may lie elsewhere.
_LOOK_S = 60
_LAST_WORDS = 300
# What recordings and what is made of them is in. Whoever has the storage that it comes from may have put a playlist in
# its place, which would have us open other files.
_LEASHED = ["-format_whitelist", "mov,matroska,ogg,mp3"]


class UnplayableError(MediaError):
    """A file cannot be played; the message is what the program said, without where the file is."""


@dataclass(frozen=True)
class ProbedFile:
    """What a file says of itself."""

    duration_us: int
    has_picture: bool


def probe_file(where: Path | str) -> ProbedFile:
    """Return what ffprobe makes of a file, by its path or address.

    :raises UnplayableError: when it cannot read it.
    """
    shown = ["-print_format", "json", "-show_format", "-show_streams"]
    argv = ["ffprobe", "-loglevel", "error", *_LEASHED, *shown, _input(where)]
    report = json.loads(_run(argv, where=where) or "{}")
    kinds = {stream.get("codec_type") for stream in report.get("streams", [])}
    return ProbedFile(round(float(report.get("format", {}).get("duration", 0)) * 1_000_000), "video" in kinds)


def decode_at(where: Path | str, *, at_us: int) -> None:
    """Decode a picture, or without any a little sound, at a place of a file.

    :raises UnplayableError: when there is none.
    """
    frames = ["-frames:v", "1", "-frames:a", "10"]
    argv = ["ffmpeg", "-nostdin", "-loglevel", "error", "-xerror", "-threads", "1", "-ss", f"{at_us / 1e6:.6f}"]
    told = _run([*argv, *_LEASHED, "-i", _input(where), *frames, "-f", "framemd5", "-"], where=where)
    if not any(line and not line.startswith("#") for line in told.splitlines()):
        raise UnplayableError(f"Nothing can be decoded at {at_us / 1e6:.3f} s.")


def _input(where: Path | str) -> str:
    return f"file:{where}" if isinstance(where, Path) else where


def _run(argv: list[str], *, where: Path | str) -> str:
    leashed = ["setpriv", "--pdeathsig", "KILL", "--", "nice", "-n", "10", *argv]
    try:
        done = subprocess.run(
            leashed, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=_LOOK_S
        )
    except subprocess.TimeoutExpired as error:
        raise UnplayableError(f"{argv[0]} gave no answer in {_LOOK_S} s.") from error
    if done.returncode:
        words = done.stderr.strip().replace(_input(where), "the file").replace(str(where), "the file")
        raise UnplayableError(f"{argv[0]} says: {words[-_LAST_WORDS:] or done.returncode}")
    return done.stdout
