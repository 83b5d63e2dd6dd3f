"""A recording of hours, made of one of seconds: run by itself, so that its memory is its own.

`python -m bench.long_recording HOURS` prints figures as JSON.
"""

import json
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

from streams.media.recording.clips import clip
from streams.media.recording.index import US, SegmentIndex, TrackKind
from streams.media.recording.movie import Movie, RecordedPiece
from streams.media.recording.playlists import media_playlist
from tests.media.clips import flv
from tests.media.recording.recorder import Recorder

SECONDS = 20
_BITRATE = "nal-hrd=cbr:bitrate=3000:vbv-maxrate=3000:vbv-bufsize=3000:bframes=2"
_CLIP_US = 30 * US


def clip_720p30() -> bytes:
    """Return 20 s of 720p30 as it is sent: 3 Mbit/s whatever it shows, GOP 2 s, with frames that wait for others."""
    return flv(size="1280x720", seconds=SECONDS, x264=_BITRATE)


def _repeated(recorder: Recorder, *, times: int) -> Iterator[RecordedPiece]:
    """Yield the pieces again and again, each time behind the last, as a broadcast without a hole."""
    size = len(recorder.content)
    unpacked = [SegmentIndex.unpacked(piece.index) for piece in recorder.pieces]
    for number in range(times):
        for piece, index in zip(recorder.pieces, unpacked, strict=True):
            later = replace(index, decode_time=index.decode_time + number * SECONDS * index.timescale)
            at_ms = piece.at_ms + number * SECONDS * 1000
            yield replace(piece, offset=piece.offset + number * size, at_ms=at_ms, index=later.packed())


def _rss_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(hours: float) -> dict[str, float]:
    """Return seconds, and megabytes (of memory the most that there ever was)."""
    recorder = Recorder()
    recorder.add(clip_720p30(), at_ms=0)
    # As rows of a database come.
    pieces = list(_repeated(recorder, times=round(hours * 3600 / SECONDS)))
    recorder.content.clear()
    found = {"pieces": len(pieces), "index_mb": sum(len(piece.index) for piece in pieces) / 1e6, "before_mb": _rss_mb()}
    began = time.perf_counter()
    movie = Movie(recorder.inits, pieces)
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
    moov = movie.moov()
    found["moov_s"] = time.perf_counter() - began
    return {**found, "moov_mb": len(moov) / 1e6, "duration_s": movie.duration_us / US, "rss_mb": _rss_mb()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(float(sys.argv[1]))))
