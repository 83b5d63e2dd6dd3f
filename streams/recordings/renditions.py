"""What a recording's files are to be like, where that is not simply what was broadcast."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

# Encoders take no fewer, and colours have half as many each way.
_LEAST_PIXELS = 16
_WEBM_CODECS = frozenset({"VP8", "VP9"})


@dataclass(frozen=True, kw_only=True)
class FileForm:
    """As the vendors' `video_config` and `audio_config` say it, with their defaults; pixels, None for the source's.

    `codec` is H264, VP8 or VP9, `sound_codec` AAC, MP3 or, of the latter two, VORBIS.
    """

    codec: str = "H264"
    width: int | None = None
    height: int | None = None
    watermark_url: str = ""
    watermark_position: str = "left top"
    watermark_width: int | None = None
    watermark_height: int | None = None
    sound_codec: str = "AAC"
    channels: int = 2
    has_video_file: bool = True
    has_sound_file: bool = False

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self | None:
        """Return what checked settings ask for; None where that is what was broadcast, as it is."""
        video: Mapping[str, Any] = config.get("video_config") or {}
        sound: Mapping[str, Any] | None = config.get("audio_config")
        mark: Mapping[str, Any] = video.get("watermark") or {}
        size: Mapping[str, Any] = mark.get("size") or {}
        codec = str(video.get("codec") or "H264")
        wanted = cls(
            codec=codec,
            width=video.get("width"),
            height=video.get("height"),
            watermark_url=str(mark.get("url") or ""),
            watermark_position=str(mark.get("position") or "left top"),
            watermark_width=size.get("width"),
            watermark_height=size.get("height"),
            sound_codec="VORBIS" if codec in _WEBM_CODECS else str((sound or {}).get("codec") or "AAC"),
            channels=1 if (sound or {}).get("channel") == "mono" else 2,
            has_video_file=video.get("export_file") is not False,
            # Source: Dyte v2, "generated only if you passed the audio_config parameters".
            has_sound_file=sound is not None and sound.get("export_file") is not False,
        )
        return None if wanted == cls() else wanted

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Self:
        """Return what `kept` gave."""
        return cls(**kept)

    @property
    def kept(self) -> dict[str, object]:
        """What a row keeps of it."""
        return asdict(self)

    @property
    def suffix(self) -> str:
        """How the name of the recording's file ends."""
        if not self.has_video_file:
            return self.sound_suffix
        return ".webm" if self.codec in _WEBM_CODECS else ".mp4"

    @property
    def sound_suffix(self) -> str:
        return {"AAC": ".m4a", "MP3": ".mp3"}.get(self.sound_codec, ".ogg")

    @property
    def copies_sound(self) -> bool:
        """Sound is recorded like that: of AAC, with two channels."""
        return self.sound_codec == "AAC" and self.channels == 2

    def copies_pictures(self, sizes: Sequence[tuple[int, int]]) -> bool:
        """Tell whether pictures of these sizes, all that there were, are as they should be."""
        if self.codec != "H264" or self.watermark_url:
            return False
        if self.width is None and self.height is None:
            return True
        return all(size == self.size_of(size) for size in sizes)

    def size_of(self, source: tuple[int, int]) -> tuple[int, int]:
        """Return how large the picture is to be; what is not said of it follows from the source's, and its form."""
        width, height = source
        if self.width is not None and self.height is not None:
            width, height = self.width, self.height
        elif self.width is not None:
            width, height = self.width, round(self.width * height / width)
        elif self.height is not None:
            width, height = round(self.height * width / height), self.height
        return _even(width), _even(height)


def complaints_of(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return what cannot be made of checked settings, by field; empty where all can."""
    video: Mapping[str, Any] = config.get("video_config") or {}
    sound: Mapping[str, Any] | None = config.get("audio_config")
    fields: dict[str, list[str]] = {}
    if video.get("codec") in _WEBM_CODECS and (sound or {}).get("codec"):
        # Source: RealtimeKit, "If VP8/VP9 is selected ... changing audioConfig is not allowed".
        fields["audio_config.codec"] = [f"With {video['codec']} the sound is Vorbis. Leave the codec out."]
    if video.get("export_file") is False and (sound is None or sound.get("export_file") is False):
        fields["video_config.export_file"] = [
            "With neither a video nor an audio file nothing would be kept. Add an audio_config."
        ]
    mark: Mapping[str, Any] | None = video.get("watermark")
    if mark is not None and not mark.get("url"):
        fields["video_config.watermark.url"] = ["Say where the picture is."]
    return fields


def _even(pixels: int) -> int:
    return max(_LEAST_PIXELS, pixels - pixels % 2)
