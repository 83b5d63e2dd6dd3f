"""Reading an fMP4 initialization section for the codec strings of a multivariant playlist.

Source: ISO/IEC 14496-12 (boxes), 14496-14 and -15 (esds, avcC); RFC 6381 (codec strings).
"""

from collections.abc import Iterator

_CONTAINERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})
_FULL_BOX_SIZE = 4
_VISUAL_ENTRY_SIZE = 78
_AUDIO_ENTRY_SIZE = 28
_DECODER_CONFIG, _DECODER_SPECIFIC = 0x04, 0x05


class Fmp4Error(Exception):
    """The bytes are not an initialization section of ours."""


def codec_strings(init: bytes) -> list[str]:
    """Return one RFC 6381 string for each track, such as `avc1.64001f` and `mp4a.40.2`.

    :raises Fmp4Error: when there is a track of another codec, or none.
    """
    entries = [box for kind, body in _walk(init) if kind == b"stsd" for box in _boxes(body[_FULL_BOX_SIZE + 4 :])]
    if not entries:
        raise Fmp4Error("There is no track.")
    return [_codec(kind, body) for kind, body in entries]


def find_box(data: bytes, *path: bytes) -> bytes:
    """Return the body of the first box on a path of kinds, from the outermost inwards.

    :raises Fmp4Error: when there is none.
    """
    for kind in path:
        data = _child(data, kind)
    return data


def _codec(kind: bytes, body: bytes) -> str:
    if kind == b"avc1":
        config = _child(body[_VISUAL_ENTRY_SIZE:], b"avcC")
        return f"avc1.{config[1:4].hex()}"
    if kind == b"mp4a":
        config = _child(body[_AUDIO_ENTRY_SIZE:], b"esds")
        return f"mp4a.40.{_audio_object_type(config[_FULL_BOX_SIZE:])}"
    raise Fmp4Error(f"There is no codec string for {kind!r}.")


def _audio_object_type(descriptor: bytes) -> int:
    """Return the type in the AudioSpecificConfig within an ES descriptor: 2 is AAC-LC."""
    config = _descriptor(descriptor[_descriptor_head(descriptor) + 3 :], _DECODER_CONFIG)
    specific = _descriptor(config[13:], _DECODER_SPECIFIC)
    return specific[0] >> 3


def _descriptor(data: bytes, tag: int) -> bytes:
    if not data or data[0] != tag:
        raise Fmp4Error(f"There is no descriptor {tag} where it should be.")
    return data[_descriptor_head(data) :]


def _descriptor_head(data: bytes) -> int:
    """Return the size of tag and length; the length's bytes go on while their top bit is set."""
    position = 1
    while data[position] & 0x80:
        position += 1
    return position + 1


def _child(data: bytes, kind: bytes) -> bytes:
    for found, body in _boxes(data):
        if found == kind:
            return body
    raise Fmp4Error(f"There is no {kind!r} box.")


def _walk(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    for kind, body in _boxes(data):
        yield kind, body
        if kind in _CONTAINERS:
            yield from _walk(body)


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 0
    while position + 8 <= len(data):
        size = int.from_bytes(data[position : position + 4])
        if size < 8:
            raise Fmp4Error(f"A box of {size} bytes cannot be.")
        yield data[position + 4 : position + 8], data[position + 8 : position + size]
        position += size
