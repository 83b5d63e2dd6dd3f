"""Reading an fMP4 initialization section for the codec strings of a multivariant playlist.

Source: ISO/IEC 14496-12 (boxes), 14496-14 and -15 (esds, avcC); RFC 6381 (codec strings).
"""

from collections.abc import Callable, Iterator

_CONTAINERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})
_HIGHEST_TOLD_RATE = 0xFFFF
_FULL_BOX_SIZE = 4
_VISUAL_ENTRY_SIZE = 78
_AUDIO_ENTRY_SIZE = 28
_ES, _DECODER_CONFIG, _DECODER_SPECIFIC, _SYNC_LAYER = 0x03, 0x04, 0x05, 0x06
_ENTRY_PATH = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")


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


def find_decoder_config(init: bytes) -> bytes:
    """Return what the one track is decoded with: an AVCDecoderConfigurationRecord, or an AudioSpecificConfig.

    :raises Fmp4Error: when there is none, or of another codec.
    """
    kind, body = next(_boxes(find_box(init, *_ENTRY_PATH)[_FULL_BOX_SIZE + 4 :]), (b"", b""))
    if kind == b"avc1":
        return _child(body[_VISUAL_ENTRY_SIZE:], b"avcC")
    if kind == b"mp4a":
        return _specific(_child(body[_AUDIO_ENTRY_SIZE:], b"esds")[_FULL_BOX_SIZE:])
    raise Fmp4Error(f"There is no configuration of {kind!r}.")


def with_avc_record(init: bytes, record: bytes, *, width: int, height: int) -> bytes:
    """Return the initialization section of a picture with another configuration record and size.

    :raises Fmp4Error: when there is no picture in it.
    """

    def entry(body: bytes) -> bytes:
        sized = body[:24] + width.to_bytes(2) + height.to_bytes(2) + body[28:_VISUAL_ENTRY_SIZE]
        return sized + _with_box(body[_VISUAL_ENTRY_SIZE:], (b"avcC",), lambda _: record)

    def header(body: bytes) -> bytes:
        # 16.16 fixed point, at the very end.
        return body[:-8] + (width << 16).to_bytes(4) + (height << 16).to_bytes(4)

    changed = _with_box(init, _ENTRY_PATH, lambda body: _with_entry(body, b"avc1", entry))
    return _with_box(changed, (b"moov", b"trak", b"tkhd"), header)


def with_aac_config(init: bytes, config: bytes, *, channels: int, rate: int) -> bytes:
    """Return the initialization section of sound with another AudioSpecificConfig; rate in Hz.

    :raises Fmp4Error: when there is no sound in it.
    """

    # 16.16 fixed point; what does not fit is known of the configuration alone, as ffmpeg leaves it, too.
    told_rate = rate if rate <= _HIGHEST_TOLD_RATE else 0

    def entry(body: bytes) -> bytes:
        described = body[:16] + channels.to_bytes(2) + body[18:24] + (told_rate << 16).to_bytes(4)
        rest = body[_AUDIO_ENTRY_SIZE:]
        return described + _with_box(rest, (b"esds",), lambda esds: _with_specific(esds, config))

    return _with_box(init, _ENTRY_PATH, lambda body: _with_entry(body, b"mp4a", entry))


def aac_config_of(init: bytes) -> bytes:
    """Return the AudioSpecificConfig of an initialization section of sound.

    :raises Fmp4Error: when there is none.
    """
    entry = find_box(find_box(init, *_ENTRY_PATH)[_FULL_BOX_SIZE + 4 :], b"mp4a")
    stream = _descriptor(find_box(entry[_AUDIO_ENTRY_SIZE:], b"esds")[_FULL_BOX_SIZE:], _ES)
    decoder = _descriptor(stream[3:], _DECODER_CONFIG)[13:]
    specific = _descriptor(decoder, _DECODER_SPECIFIC)
    return specific[: decoder[_descriptor_head(decoder) - 1] & 0x7F]


def _with_entry(body: bytes, kind: bytes, change: Callable[[bytes], bytes]) -> bytes:
    head = _FULL_BOX_SIZE + 4
    return body[:head] + _with_box(body[head:], (kind,), change)


def _with_specific(esds: bytes, config: bytes) -> bytes:
    """Return the box with all of its descriptors in the short form, and another configuration of the decoder."""
    descriptor = esds[_FULL_BOX_SIZE:]
    stream = _descriptor(descriptor, _ES)
    decoder = _descriptor(stream[3:], _DECODER_CONFIG)
    said = bytes([_DECODER_SPECIFIC, len(config)]) + config
    decoder = bytes([_DECODER_CONFIG, 13 + len(said)]) + decoder[:13] + said
    # "Predefined": the sync layer of MP4 files.
    whole = stream[:3] + decoder + bytes([_SYNC_LAYER, 1, 2])
    return esds[:_FULL_BOX_SIZE] + bytes([_ES, len(whole)]) + whole


def _with_box(data: bytes, path: tuple[bytes, ...], change: Callable[[bytes], bytes]) -> bytes:
    """Return the data with the body of the first box on a path changed, and all sizes with it."""
    made, is_changed = bytearray(), False
    for kind, body in _boxes(data):
        changed = body
        if kind == path[0] and not is_changed:
            is_changed = True
            changed = change(body) if len(path) == 1 else _with_box(body, path[1:], change)
        made += (len(changed) + 8).to_bytes(4) + kind + changed
    if not is_changed:
        raise Fmp4Error(f"There is no {path[0]!r} box.")
    return bytes(made)


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
    return _specific(descriptor)[0] >> 3


def _specific(descriptor: bytes) -> bytes:
    """Return the AudioSpecificConfig within an ES descriptor."""
    config = _descriptor(descriptor[_descriptor_head(descriptor) + 3 :], _DECODER_CONFIG)[13:]
    head = _descriptor_head(config)
    # Lengths say seven bits with each byte.
    size = 0
    for byte in config[1:head]:
        size = size << 7 | byte & 0x7F
    return _descriptor(config, _DECODER_SPECIFIC)[:size]


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
