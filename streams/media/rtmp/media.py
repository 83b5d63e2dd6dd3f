"""What is sent of a broadcast: FLV's way to put pictures and sound, and what is said of them.

Source: Adobe Flash Video File Format Specification 10.1, E.4.2 (sound), E.4.3 (pictures), E.5 (onMetaData).
"""

from dataclasses import dataclass

from streams.media.aac import parse_aac_config
from streams.media.avc import find_picture_size
from streams.media.flv import TagType
from streams.media.rtmp.amf import Value, render, render_array

_KEY_FRAME, _OTHER_FRAME, _AVC = 0x10, 0x20, 7
# AAC, said to be of 44 kHz, 16 bits and stereo, whatever it is: what it is stands in its configuration.
_AAC = 0xAF
_ANNOUNCEMENT, _MEDIA = 0, 1


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture or a frame of sound; `body` is as it is sent, `head` what it is decoded with, sent before it.

    `at_ms` is when it is decoded, by the clock of the broadcast's media.
    """

    type: int
    at_ms: int
    is_key_frame: bool
    body: bytes
    head: bytes

    @property
    def is_picture(self) -> bool:
        return self.type == TagType.VIDEO


def picture_head(record: bytes) -> bytes:
    """Return what announces H.264 with this AVCDecoderConfigurationRecord."""
    return bytes([_KEY_FRAME | _AVC, _ANNOUNCEMENT]) + bytes(3) + record


def picture(payload: bytes | memoryview, *, is_key_frame: bool, composition_ms: int) -> bytes:
    """Return a picture: units behind their lengths, shown so long after it is decoded."""
    kind = _KEY_FRAME if is_key_frame else _OTHER_FRAME
    return b"".join((bytes([kind | _AVC, _MEDIA]), composition_ms.to_bytes(3, signed=True), payload))


def sound_head(config: bytes) -> bytes:
    """Return what announces AAC with this AudioSpecificConfig."""
    return bytes([_AAC, _ANNOUNCEMENT]) + config


def sound(payload: bytes | memoryview) -> bytes:
    """Return a frame of AAC."""
    return b"".join((bytes([_AAC, _MEDIA]), payload))


def metadata(*, picture_head: bytes, sound_head: bytes | None) -> bytes:
    """Return the data message that says what follows; platforms show it, and some wait for it."""
    fields: dict[str, Value] = {"videocodecid": float(_AVC), "encoder": "LiveHub"}
    size = find_picture_size(picture_head[5:])
    if size is not None:
        fields |= {"width": float(size.width), "height": float(size.height)}
    config = parse_aac_config(sound_head[2:]) if sound_head else None
    if config is not None:
        fields |= {"audiocodecid": 10.0, "audiosamplerate": float(config.rate), "stereo": config.channels > 1}
    return render("@setDataFrame", "onMetaData") + render_array(fields)
