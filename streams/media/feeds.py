"""What is sent while an encoder is away: a picture that stands still, and silence, as they stand in FLV."""

from dataclasses import dataclass

from streams.media.aac import SAMPLES, aac_config, parse_aac_config
from streams.media.avc import find_parameter_sets, length_size, with_parameter_sets
from streams.media.flv import AVC_HEADER_SIZE, TagReader, TagType

# The shortest frames that hold nothing, of one channel and of two: the same at every rate. Made by ffmpeg's encoder.
_SILENT = {1: bytes.fromhex("01182007"), 2: bytes.fromhex("21100460 8c1c")}
_AAC_RAW, _AAC_ANNOUNCED = b"\xaf\x01", b"\xaf\x00"
_AVC_KEY, _AVC_OTHER, _AVC_ANNOUNCED = b"\x17\x01\0\0\0", b"\x27\x01\0\0\0", b"\x17\x00\0\0\0"


class FeedError(Exception):
    """What was made is no feed of ours."""


@dataclass(frozen=True)
class Slate:
    """A picture as a loop of frames, of which the first needs no other, and none is shown later than decoded.

    `bodies` are those of FLV tags, `record` is the AVCDecoderConfigurationRecord that they are decoded with.
    """

    record: bytes
    bodies: tuple[bytes, ...]
    fps: float

    @property
    def frame_ms(self) -> float:
        return 1000 / self.fps


def read_slate(clip: bytes, *, fps: float) -> Slate:
    """Return the slate that an FLV clip holds.

    :raises FeedError: when it holds something else.
    """
    record, units = b"", list[bytes]()
    for tag in TagReader().feed(clip):
        if tag.type == TagType.VIDEO and tag.announced:
            record = tag.record
        elif tag.type == TagType.VIDEO and tag.is_media:
            if tag.composition_ms or tag.is_key_frame is not (not units):
                raise FeedError("A slate has one key frame, at its beginning, and no frame that waits for another.")
            units.append(tag.body[AVC_HEADER_SIZE:])
    sets = find_parameter_sets(record)
    if not units or not sets or length_size(record) != 4:  # What ffmpeg writes.
        raise FeedError("A slate is H.264.")
    key, *others = units
    return Slate(record, (_AVC_KEY + with_parameter_sets(key, sets), *(_AVC_OTHER + unit for unit in others)), fps)


def announce_picture(record: bytes) -> bytes:
    """Return the body of the tag that tells a decoder of H.264 what follows."""
    return _AVC_ANNOUNCED + record


@dataclass(frozen=True)
class Silence:
    """AAC frames that hold nothing; bodies are those of FLV tags."""

    config: bytes
    frame: bytes
    frame_ms: float

    @property
    def announcement(self) -> bytes:
        return _AAC_ANNOUNCED + self.config


def silence_like(config: bytes) -> Silence:
    """Return silence that fits to an AudioSpecificConfig: with the same one wherever that is of one or two channels."""
    known = parse_aac_config(config)
    rate = known.rate if known else 48_000
    if known and known.channels in _SILENT:
        return Silence(config, _AAC_RAW + _SILENT[known.channels], SAMPLES * 1000 / rate)
    return Silence(aac_config(rate=rate, channels=2), _AAC_RAW + _SILENT[2], SAMPLES * 1000 / rate)
