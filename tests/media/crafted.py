"""FLV put together from tags of real clips: what encoders do that ffmpeg cannot be told to."""

from collections.abc import Iterator

_FILE_HEADER = b"FLV\x01\x05\0\0\0\x09\0\0\0\0"
_AUDIO, _VIDEO = 8, 9
_FRAME_MS = 33
_SHOWN_PICTURES = 15


def joined(*clips: bytes) -> bytes:
    """Return one clip after the other as one stream, whose time goes on; each begins with what it announces."""
    made, offset_ms = bytearray(_FILE_HEADER), 0
    for clip in clips:
        last_ms = offset_ms
        for kind, at_ms, body in _tags(clip):
            last_ms = max(last_ms, offset_ms + at_ms)
            made += _tag(kind, offset_ms + at_ms, body)
        offset_ms = last_ms + _FRAME_MS
    return bytes(made)


def moved(clip: bytes, *, by_ms: int) -> bytes:
    """Return the clip as if the encoder's clock had begun at another time."""
    made = bytearray(_FILE_HEADER)
    for kind, at_ms, body in _tags(clip):
        made += _tag(kind, at_ms + by_ms, body)
    return bytes(made)


def captioned(clip: bytes, text: str) -> bytes:
    """Return the clip with captions within the picture, shown anew for half a second with each key frame."""
    made, codes = bytearray(_FILE_HEADER), list[bytes]()
    for kind, at_ms, body in _tags(clip):
        if kind == _VIDEO and body[1] == 1:
            codes = _caption(text) if body[0] >> 4 == 1 else codes[1:]
            body = body[:5] + _caption_unit(codes[0] if codes else bytes(2)) + body[5:]
        made += _tag(kind, at_ms, body)
    return bytes(made)


def without_sound(clip: bytes, *, until_ms: int) -> bytes:
    """Return the clip as if its sound began so late, although it is announced at the beginning."""
    made = bytearray(_FILE_HEADER)
    for kind, at_ms, body in _tags(clip):
        if kind != _AUDIO or body[1] == 0 or at_ms >= until_ms:
            made += _tag(kind, at_ms, body)
    return bytes(made)


def without_sound_after(clip: bytes, *, at_ms: int) -> bytes:
    """Return the clip as if its sound ended so early."""
    made = bytearray(_FILE_HEADER)
    for kind, time_ms, body in _tags(clip):
        if kind != _AUDIO or time_ms < at_ms:
            made += _tag(kind, time_ms, body)
    return bytes(made)


def without_picture(clip: bytes) -> bytes:
    """Return the clip's sound."""
    made = bytearray(_FILE_HEADER)
    for kind, time_ms, body in _tags(clip):
        if kind == _AUDIO:
            made += _tag(kind, time_ms, body)
    return bytes(made)


def stopped(clip: bytes) -> bytes:
    """Return the clip as if the encoder's clock stood still."""
    return _FILE_HEADER + b"".join(_tag(kind, 40, body) for kind, _, body in _tags(clip))


def claiming(clip: bytes, *, width: int, height: int) -> bytes:
    """Return the clip with another announcement: H.264 High of that size, in multiples of 16."""
    made = bytearray(_FILE_HEADER)
    for kind, at_ms, body in _tags(clip):
        is_announcement = kind == _VIDEO and body[1] == 0
        made += _tag(kind, at_ms, _announcement(width, height) if is_announcement else body)
    return bytes(made)


def _tags(clip: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = len(_FILE_HEADER)
    while at + 11 <= len(clip):
        size = int.from_bytes(clip[at + 1 : at + 4])
        time_ms = int.from_bytes(clip[at + 4 : at + 7]) | clip[at + 7] << 24
        if clip[at] in {_AUDIO, _VIDEO}:
            yield clip[at], time_ms, clip[at + 11 : at + 11 + size]
        at += 11 + size + 4


def _tag(kind: int, at_ms: int, body: bytes) -> bytes:
    time = (at_ms & 0xFFFFFF).to_bytes(3) + bytes([at_ms >> 24])
    return bytes([kind]) + len(body).to_bytes(3) + time + bytes(3) + body + (len(body) + 11).to_bytes(4)


def configuration(parameters: bytes) -> bytes:
    """Return what a decoder is told first, up to the parameter set. Source: ISO/IEC 14496-15 5.3.3.1.2."""
    return b"\x01" + parameters[1:4] + b"\xff\xe1" + len(parameters).to_bytes(2) + parameters


def parameter_set(
    width: int, height: int, *, profile: int = 100, level: int = 62, chroma: int = 1, scaling: str = "0"
) -> bytes:
    """Return what H.264 High and its like say of pictures, in multiples of 16: frames only, one reference, not cut off.

    `scaling` is how coarsely it is quantized, in bits: `0`, or `1` and the lists. Source: ITU-T H.264 7.3.2.1.1.
    """
    bits = exp_golomb(0) + exp_golomb(chroma) + "0" * (chroma == 3) + exp_golomb(0) * 2 + "0" + scaling
    bits += exp_golomb(0) + exp_golomb(2) + exp_golomb(1) + "0"
    bits += exp_golomb(width // 16 - 1) + exp_golomb(height // 16 - 1) + "1100" + "1"
    bits += "0" * (-len(bits) % 8)
    payload = int(bits, 2).to_bytes(len(bits) // 8)
    # A 3 keeps zeros from looking like a start code: 7.4.1.
    return bytes([0x67, profile, 0, level]) + payload.replace(b"\0\0", b"\0\0\3")


def _caption(text: str) -> list[bytes]:
    """Return what shows a line and wipes it off, two bytes for each picture.

    Load, clear, lowest row, the text, show, nothing for a while, wipe. Source: CTA-608.
    """
    padded = text.encode("ascii") + b" " * (len(text) % 2)
    letters = [padded[at : at + 2] for at in range(0, len(padded), 2)]
    return [b"\x14\x20", b"\x14\x2e", b"\x14\x70", *letters, b"\x14\x2f", *[bytes(2)] * _SHOWN_PICTURES, b"\x14\x2c"]


def _caption_unit(code: bytes) -> bytes:
    """Return two bytes of captions as a unit of H.264, with its length. Source: ATSC A/53 part 4, 6.2.3."""
    with_parity = bytes(byte | (0 if byte.bit_count() % 2 else 0x80) for byte in code)
    message = b"\xb5\x00\x31GA94\x03\x41\xff\xfc" + with_parity + b"\xff"
    unit = b"\x06\x04" + bytes([len(message)]) + message + b"\x80"
    return len(unit).to_bytes(4) + unit


def _announcement(width: int, height: int) -> bytes:
    picture = bytes.fromhex("68ef0fcb")
    record = configuration(parameter_set(width, height))
    return b"\x17\x00\x00\x00\x00" + record + b"\x01" + len(picture).to_bytes(2) + picture


def exp_golomb(value: int) -> str:
    """Return a number of a parameter set in bits. Source: ITU-T H.264 9.1, ue(v)."""
    digits = f"{value + 1:b}"
    return "0" * (len(digits) - 1) + digits
