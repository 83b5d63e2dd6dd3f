"""Which bitrates a picture of a size is sent in."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Range:
    """In kbit/s."""

    least: int
    most: int

    def __str__(self) -> str:
        return f"{self.least / 1000:g} to {self.most / 1000:g} Mbit/s"


class _Size(NamedTuple):
    lines: int
    usual: Range
    # From about fifty frames a second on.
    fast: Range


# H.264, the short side in pixels. Source: YouTube, live encoder settings.
_SIZES = (
    _Size(2160, Range(13_000, 34_000), Range(20_000, 51_000)),
    _Size(1440, Range(6_000, 13_000), Range(9_000, 18_000)),
    _Size(1080, Range(3_000, 8_000), Range(4_000, 10_000)),
    _Size(720, Range(1_500, 4_000), Range(2_250, 6_000)),
    _Size(480, Range(500, 2_000), Range(500, 3_000)),
    _Size(360, Range(400, 1_500), Range(400, 2_000)),
    _Size(240, Range(250, 1_000), Range(250, 1_400)),
)
_FAST_FPS = 45


def usual_range(*, lines: int, fps: float) -> Range | None:
    """Return what is usual for a picture whose short side has so many pixels, None where nothing is."""
    size = next((size for size in _SIZES if lines >= size.lines), None)
    if size is None:
        return None
    return size.fast if fps > _FAST_FPS else size.usual
