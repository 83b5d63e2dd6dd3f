"""How segments and initialization sections stand in the file.

The same bytes always follow from the same segment, so that a part of a file can be made again from what it was made of.
"""

from dataclasses import dataclass

from streams.media.recording.index import SegmentIndex, TrackKind

# In front of everything that is stored: size and `mdat`. Players of HLS begin behind it.
BOX_HEADER_SIZE = 8


@dataclass(frozen=True, slots=True)
class TrackInit:
    """An initialization section of a slot: what `journal.init_name` names.

    `parameter_sets` are what pictures are decoded with, none of sound; `timescale` is per second.
    """

    data: bytes
    kind: TrackKind
    timescale: int
    parameter_sets: tuple[bytes, ...]


def read_init(data: bytes) -> TrackInit:
    """Return what an initialization section says.

    :raises Fmp4Error: when that is not one of one track of H.264 or AAC.
    """
    raise NotImplementedError


def file_head() -> bytes:
    """Return what every recording begins with."""
    raise NotImplementedError


def stored_init(init: TrackInit) -> bytes:
    """Return the box that an initialization section is stored in, before the first segment that needs it."""
    raise NotImplementedError


def stored_segment(content: bytes, init: TrackInit) -> bytes:
    """Return the box that a closed segment (`journal.segment_name`) is stored in.

    Each key frame in it has its parameter sets in front: with one description of all pictures, browsers find their way
    across changes of size and encoder only so.

    :raises Fmp4Error: when the content is not fragments of that track.
    """
    raise NotImplementedError


def read_segment(stored: bytes, init: TrackInit) -> SegmentIndex:
    """Return what is in a stored segment.

    :raises Fmp4Error: when it is none.
    """
    raise NotImplementedError
