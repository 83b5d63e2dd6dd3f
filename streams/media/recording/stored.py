"""How segments and initialization sections stand in the file.

The same bytes always follow from the same segment, so that a part of a file can be made again from what it was made of.
"""

import struct
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from streams.media.avc import find_parameter_sets, length_size, with_parameter_sets
from streams.media.fmp4 import Fmp4Error, aac_config_of, find_box
from streams.media.fragments import Fragment, FragmentReader, Init, Sample, offsets, parse_fragment, render_fragment
from streams.media.recording.index import SegmentIndex, TrackKind, words

# In front of everything that is stored: size and `mdat`. Players of HLS begin behind it.
BOX_HEADER_SIZE = 8
_HEADER = struct.Struct(">I4s")
# Of a box whose size needs 64 bits, which a 1 in place of the size says.
_LARGE_HEADER = struct.Struct(">I4sQ")
_IS_LARGE = 1
_ENTRY = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
_ENTRY_AT = 8
_VISUAL_ENTRY_SIZE = 78
_SIZE, _SIZE_AT = struct.Struct(">HH"), 32
_LENGTH_SIZE = 4
# Of a moof, behind its own header and that of `mfhd`, with version and flags.
_SEQUENCE_AT = 20
_TORN = "A segment ends within a box."


@dataclass(frozen=True, slots=True)
class TrackInit:
    """An initialization section of a slot: what `journal.init_name` names.

    `parameter_sets` are what pictures are decoded with, none of sound; `timescale` is per second. `entry` is the box
    that describes samples, `sound` an AudioSpecificConfig, empty of pictures.
    """

    data: bytes
    kind: TrackKind
    timescale: int
    parameter_sets: tuple[bytes, ...]
    entry: bytes
    sound: bytes


def read_init(data: bytes) -> TrackInit:
    """Return what an initialization section says.

    :raises Fmp4Error: when that is not one of one track of H.264 or AAC.
    """
    found = next(FragmentReader().feed(data), None)
    if not isinstance(found, Init) or not found.timescale:
        raise Fmp4Error("There is no initialization section.")
    described = find_box(data, *_ENTRY)
    size, kind = _HEADER.unpack_from(described, _ENTRY_AT)
    entry = described[_ENTRY_AT : _ENTRY_AT + size]
    if kind == b"mp4a":
        return TrackInit(data, TrackKind.AUDIO, found.timescale, (), entry, aac_config_of(data))
    record = find_box(described[_ENTRY_AT:], b"avc1")
    record = find_box(record[_VISUAL_ENTRY_SIZE:], b"avcC")
    # No encoder of today writes shorter ones, in which the sets would have to be told differently.
    sets = find_parameter_sets(record) if length_size(record) == _LENGTH_SIZE else ()
    return TrackInit(data, TrackKind.VIDEO, found.timescale, sets, entry, b"")


def picture_size(init: TrackInit) -> tuple[int, int]:
    """Return how wide and high the pictures are that it describes, in pixels."""
    width, height = _SIZE.unpack_from(init.entry, _SIZE_AT)
    return width, height


def file_type() -> bytes:
    """Return the box that every file begins with."""
    brands = b"isom" + (512).to_bytes(4) + b"isomiso6avc1mp41"
    return _HEADER.pack(_HEADER.size + len(brands), b"ftyp") + brands


def file_head(*, media_end: int | None = None) -> bytes:
    """Return what every recording begins with, which has the same size whatever is known by then.

    Behind the first box stands the header of one that goes on to `media_end`, counted from the beginning of the file,
    where `moov` begins: the boxes of segments are but bytes in it, and players find `moov` at once. As long as nobody
    knows where that is, an empty box stands there, and they go from one segment's box to the next.
    """
    first = file_type()
    if media_end is None:
        kept_free = _LARGE_HEADER.size
        return first + _HEADER.pack(kept_free, b"free") + bytes(kept_free - _HEADER.size)
    return first + _LARGE_HEADER.pack(_IS_LARGE, b"mdat", media_end - len(first))


def stored_init(init: TrackInit) -> bytes:
    """Return the box that an initialization section is stored in, before the first segment that needs it."""
    return _boxed(init.data)


def stored_segment(content: bytes, init: TrackInit) -> bytes:
    """Return the box that a closed segment (`journal.segment_name`) is stored in.

    Each key frame in it has its parameter sets in front: with one description of all pictures, browsers find their way
    across changes of size and encoder only so.

    :raises Fmp4Error: when the content is not fragments of that track.
    """
    return _stored(content, init)[0]


def store_segment(content: bytes, init: TrackInit) -> tuple[bytes, SegmentIndex]:
    """Return the box as of `stored_segment`, and what is in it.

    :raises Fmp4Error: when the content is not fragments of that track, or there are none in it.
    """
    stored, found = _stored(content, init)
    return stored, _index(found, init)


def _index(found: Sequence[tuple[Fragment, int]], init: TrackInit) -> SegmentIndex:
    if not found:
        raise Fmp4Error("There is no fragment in the segment.")
    first, durations = found[0][0].decode_time, words(())
    sizes, keys, chunks, compositions = words(()), words(()), words(()), array("i")
    time = first
    for fragment, payload_at in found:
        if fragment.decode_time > time and durations:
            # A hole within a segment: what is before it is shown until then.
            durations[-1] += fragment.decode_time - time
            time = fragment.decode_time
        if init.kind is TrackKind.VIDEO:
            keys.extend([len(sizes) + place for place, sample in enumerate(fragment.samples) if sample.is_sync])
        chunks.extend((payload_at, len(fragment.samples)))
        lasting, large, _, later = zip(*fragment.samples, strict=True) if fragment.samples else ((), (), (), ())
        durations.extend(lasting)
        sizes.extend(large)
        compositions.extend(later)
        time += sum(lasting)
    return SegmentIndex(init.kind, init.timescale, first, durations, sizes, compositions, keys, chunks)


def _stored(content: bytes, init: TrackInit) -> tuple[bytes, list[tuple[Fragment, int]]]:
    """Return the box, and its fragments, each with where its samples begin in the box."""
    found, made = list[tuple[Fragment, int]](), list[bytes]()
    # Up to where the content is in the box, and where that is there.
    copied, size = 0, BOX_HEADER_SIZE
    for each in _fragments(content):
        fragment, begin = each.fragment, size + each.begin - copied
        if init.parameter_sets and any(sample.is_sync for sample in fragment.samples):
            samples, piece = _with_sets(each, content, init.parameter_sets)
            made += (content[copied : each.begin], piece)
            copied, size = each.end, begin + len(piece)
            payload_at = size - sum([sample.size for sample in samples])
            fragment = replace(fragment, samples=samples)
        else:
            payload_at = begin + each.payload_at - each.begin
        found.append((fragment, payload_at))
    return _boxed(b"".join((*made, content[copied:]))), found


@dataclass(frozen=True, slots=True)
class _Found:
    """A fragment, and where it is: from its moof to behind its mdat."""

    fragment: Fragment
    begin: int
    payload_at: int
    end: int


def _fragments(content: bytes) -> Iterator[_Found]:
    whole, moof, begin = memoryview(content), b"", 0
    for kind, at, end in _boxes(content):
        if kind == b"moov":
            raise Fmp4Error("There is an initialization section within a segment.")
        if kind == b"moof":
            moof = content[at:end]
        elif kind == b"mdat":
            payload_at = at + _HEADER.size
            yield _Found(parse_fragment(moof, whole[payload_at:end]), begin, payload_at, end)
            begin = end


def _boxes(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield their kinds, and where they begin and end."""
    at = 0
    while at < len(content):
        if at + _HEADER.size > len(content):
            raise Fmp4Error(_TORN)
        size, kind = _HEADER.unpack_from(content, at)
        if size < _HEADER.size or at + size > len(content):
            raise Fmp4Error(_TORN)
        yield kind, at, at + size
        at += size


def _with_sets(found: _Found, content: bytes, sets: tuple[bytes, ...]) -> tuple[tuple[Sample, ...], bytes]:
    """Return the samples of a fragment, and the fragment itself, with parameter sets in front of each key frame."""
    fragment = found.fragment
    bounds, samples, pieces = offsets(fragment.samples), [], list[bytes | memoryview]()
    for place, sample in enumerate(fragment.samples):
        piece: bytes | memoryview = fragment.payload[bounds[place] : bounds[place + 1]]
        if sample.is_sync:
            piece = with_parameter_sets(bytes(piece), sets)
        samples.append(sample._replace(size=len(piece)))
        pieces.append(piece)
    sequence = int.from_bytes(content[found.begin + _SEQUENCE_AT : found.begin + _SEQUENCE_AT + 4])
    return tuple(samples), b"".join((render_fragment(sequence, fragment.decode_time, samples), *pieces))


def _boxed(content: bytes) -> bytes:
    return _HEADER.pack(_HEADER.size + len(content), b"mdat") + content
