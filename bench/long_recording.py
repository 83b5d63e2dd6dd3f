"""A recording of hours, made of one of seconds: measured in a process of its own, so that its memory is its own.

`python -m bench.long_recording FILE` prints figures of what `test_recording` wrote there as JSON.
"""

import json
import pickle
import sys
import time
from pathlib import Path

from streams.media.recording.clips import clip, sound_alone
from streams.media.recording.index import US, TrackKind
from streams.media.recording.movie import Movie
from streams.media.recording.pictures import key_pictures
from streams.media.recording.playlists import media_playlist

_CLIP_US = 30 * US


def _rss_mb() -> float:
    # What getrusage() tells begins with that of the process that started this one.
    (line,) = [each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


def measure(path: Path) -> dict[str, float]:
    """Return seconds, and megabytes (of memory the most that there ever was)."""
    inits, pieces = pickle.loads(path.read_bytes())  # noqa: S301  # Our own.
    found = {"pieces": len(pieces), "index_mb": sum(len(piece.index) for piece in pieces) / 1e6, "before_mb": _rss_mb()}
    began = time.perf_counter()
    movie = Movie(inits, pieces)
    found["laid_out_s"] = time.perf_counter() - began
    middle_us = movie.duration_us // 2 + 1_234_000
    began = time.perf_counter()
    media_playlist(movie, TrackKind.VIDEO, uri="r.mp4", start_us=middle_us, end_us=middle_us + _CLIP_US)
    found["clip_playlist_s"] = time.perf_counter() - began
    began = time.perf_counter()
    composed = clip(movie, start_us=middle_us, end_us=middle_us + _CLIP_US)
    found["clip_s"] = time.perf_counter() - began
    found["clip_head_kb"], found["clip_ranges"] = len(composed.head) / 1e3, len(composed.ranges)
    began = time.perf_counter()
    playlists = [media_playlist(movie, kind, uri="media.mp4") for kind in TrackKind]
    found["playlists_s"], found["playlists_mb"] = time.perf_counter() - began, len("".join(playlists)) / 1e6
    began = time.perf_counter()
    found["sound_mb"], found["sound_s"] = sound_alone(movie).size / 1e6, time.perf_counter() - began
    began = time.perf_counter()
    found["pictures"] = len(key_pictures(movie, every_us=movie.duration_us // 200))
    found["pictures_s"] = time.perf_counter() - began
    began = time.perf_counter()
    moov = movie.moov()
    found["moov_s"] = time.perf_counter() - began
    return {**found, "moov_mb": len(moov) / 1e6, "duration_s": movie.duration_us / US, "rss_mb": _rss_mb()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(Path(sys.argv[1]))))
