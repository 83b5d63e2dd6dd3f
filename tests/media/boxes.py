"""Initialization sections, put together by hand.

Source: ISO/IEC 14496-12, 14496-14, 14496-15.
"""

# A sequence parameter set: 67 = its type, then profile 100 (High), constraint flags, level 31.
AVC_HIGH_3_1 = bytes.fromhex("6764001facd9405005bb0110")
_PICTURE_PARAMETER_SET = bytes.fromhex("68ebe3cb22c0")
AAC_LC_48000_STEREO = bytes.fromhex("1190")
TIMESCALE = 1000


def video_init(parameter_set: bytes = AVC_HIGH_3_1, *, timescale: int = TIMESCALE) -> bytes:
    config = b"".join(
        (
            b"\x01", parameter_set[1:4], b"\xff\xe1",
            len(parameter_set).to_bytes(2), parameter_set,
            b"\x01", len(_PICTURE_PARAMETER_SET).to_bytes(2), _PICTURE_PARAMETER_SET,
        )
    )  # fmt: skip
    return _init(box(b"avc1", bytes(78) + box(b"avcC", config)), timescale=timescale)


def audio_init(config: bytes = AAC_LC_48000_STEREO, *, timescale: int = TIMESCALE) -> bytes:
    specific = _descriptor(0x05, config)
    decoder = _descriptor(0x04, bytes([0x40, 0x15]) + bytes(11) + specific)
    descriptor = _descriptor(0x03, bytes(3) + decoder + _descriptor(0x06, b"\x02"))
    return _init(box(b"mp4a", bytes(28) + box(b"esds", bytes(4) + descriptor)), timescale=timescale)


def _init(entry: bytes, *, timescale: int) -> bytes:
    body = box(b"stsd", bytes(4) + (1).to_bytes(4) + entry)
    for kind in (b"stbl", b"minf"):
        body = box(kind, body)
    header = box(b"mdhd", bytes(12) + timescale.to_bytes(4) + bytes(8))
    return box(b"ftyp", b"iso5") + box(b"moov", box(b"trak", box(b"tkhd", bytes(84)) + box(b"mdia", header + body)))


def box(kind: bytes, body: bytes) -> bytes:
    """Return a box, or what encloses others."""
    return (len(body) + 8).to_bytes(4) + kind + body


def _descriptor(tag: int, body: bytes) -> bytes:
    # As ffmpeg writes it: always four bytes of length.
    return bytes([tag, 0x80, 0x80, 0x80, len(body)]) + body
