"""Media on a disk, and lines that say that it was delivered."""

import struct
from pathlib import Path

from streams.media.fragments import Sample, render_fragment

_TIMESCALE = 90_000


def _box(kind: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def fragment(duration_s: float, *, samples: int = 10, timescale: int = _TIMESCALE) -> bytes:
    """Return a fragment of so many equal samples, of ten bytes each."""
    each = Sample(round(duration_s * timescale / samples), 10, True, 0)  # A tuple.
    return render_fragment(1, 0, [each] * samples) + b"m" * (10 * samples)


def put_media(root: Path, *, session: str, segments: int, part_s: float = 0.5, parts: int = 4) -> Path:
    """Write segments with their parts of one rendition, and return its folder."""
    folder = root / "pb_crowd" / session / "v0"
    folder.mkdir(parents=True)
    header = _box(b"mdhd", struct.pack(">IIIIIHH", 0, 0, 0, _TIMESCALE, 0, 0, 0))
    init = _box(b"ftyp", b"iso6") + _box(b"moov", _box(b"trak", _box(b"mdia", header)))
    (folder / "1-0.init.mp4").write_bytes(init)
    for msn in range(segments):
        made = [fragment(part_s) for _ in range(parts)]
        for part, data in enumerate(made):
            (folder / f"1-{msn}.{part}.m4s").write_bytes(data)
        (folder / f"1-{msn}.m4s").write_bytes(b"".join(made))
    return folder
