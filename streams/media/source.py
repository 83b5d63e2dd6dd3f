"""What an encoder sends, and whether it can be broadcast."""

import json
from dataclasses import dataclass
from fractions import Fraction
from typing import TypedDict

from streams.media.avc import PictureSize
from streams.media.errors import SourceRefusedError

_SHORTEST_SIDE = 64
_WIDEST_RATIO = Fraction(64, 27)  # 21:9 as screens are sold; anything wider is a mistake in the encoder.
_FASTEST_FPS = 120
# Pixels that are decoded and not shown, at both edges of a side: pictures are cut out of whole macroblocks.
MOST_CUT_OFF = 64


@dataclass(frozen=True)
class Source:
    """Codec names are ffmpeg's; `fps`, `gop_s` and `video_kbps` are measured; an absent audio track has no codec."""

    video_codec: str
    profile: str
    pixel_format: str
    width: int
    height: int
    fps: float
    video_kbps: int
    gop_s: float
    audio_codec: str
    audio_profile: str
    audio_channels: int
    sample_rate: int

    @property
    def has_audio(self) -> bool:
        return bool(self.audio_codec)

    @property
    def short_side(self) -> int:
        return min(self.width, self.height)


class _Stream(TypedDict, total=False):
    codec_type: str
    codec_name: str
    profile: str
    pix_fmt: str
    width: int
    height: int
    avg_frame_rate: str
    channels: int
    sample_rate: str


def parse_probe(report: bytes, *, video_kbps: int, gop_s: float) -> Source:
    """Return the source that ffprobe's JSON report describes.

    :raises SourceRefusedError: when there is no video in it that ffprobe understands.
    """
    streams: list[_Stream] = json.loads(report or b"{}").get("streams", [])
    video = _first(streams, "video")
    audio = _first(streams, "audio")
    if not video.get("width"):
        raise SourceRefusedError("No video arrives. Add a video source to the encoder, in H.264.")
    return Source(
        video_codec=video.get("codec_name", ""),
        profile=video.get("profile", ""),
        pixel_format=video.get("pix_fmt", ""),
        width=video["width"],
        height=video.get("height", 0),
        fps=_rate(video.get("avg_frame_rate", "")),
        video_kbps=video_kbps,
        gop_s=gop_s,
        audio_codec=audio.get("codec_name", ""),
        audio_profile=audio.get("profile", ""),
        audio_channels=audio.get("channels", 0),
        sample_rate=int(audio.get("sample_rate", 0)),
    )


def check_source(source: Source, *, max_height: int) -> None:
    """Accept what can be broadcast.

    :raises SourceRefusedError: with a sentence that says what to change in the encoder.
    """
    if source.video_codec != "h264":
        codec = source.video_codec.upper() or "of an unknown codec"
        raise SourceRefusedError(f"The video is {codec}. Set the encoder's video codec to H.264.")
    size = f"{source.width}x{source.height}"
    if source.short_side > max_height or source.short_side < _SHORTEST_SIDE:
        raise SourceRefusedError(
            f"The picture is {size}. Set the encoder's output to at least {_SHORTEST_SIDE} and at most {max_height} "
            "lines, for example 1920x1080."
        )
    if Fraction(max(source.width, source.height), source.short_side) > _WIDEST_RATIO:
        raise SourceRefusedError(f"The picture is {size}. Set the encoder's output to 16:9, for example 1920x1080.")
    if source.fps > _FASTEST_FPS:
        raise SourceRefusedError(f"The video has {source.fps:g} frames a second. Set the encoder to 60 or fewer.")


def is_accepted(source: Source, *, max_height: int) -> bool:
    """Tell whether `check_source` accepts it."""
    try:
        check_source(source, max_height=max_height)
    except SourceRefusedError:
        return False
    return True


def check_announced_size(size: PictureSize, *, max_height: int) -> None:
    """Accept what is not too large to be decoded, before anything is.

    :raises SourceRefusedError: with a sentence that says what to change in the encoder.
    """
    short_side, long_side = sorted((size.coded_width, size.coded_height))
    if short_side >= max_height + MOST_CUT_OFF or long_side >= max_height * _WIDEST_RATIO + MOST_CUT_OFF:
        raise SourceRefusedError(
            f"The picture is {size}, of {size.coded_width}x{size.coded_height} that are sent. Set the encoder's output "
            f"to at most {max_height} lines, for example 1920x1080."
        )


def largest_pixels(max_height: int) -> int:
    """Return how many pixels a picture may have that is accepted, with what is cut off of it."""
    return (max_height + MOST_CUT_OFF) * (int(max_height * _WIDEST_RATIO) + MOST_CUT_OFF)


def _first(streams: list[_Stream], kind: str) -> _Stream:
    return next((stream for stream in streams if stream.get("codec_type") == kind), _Stream())


def _rate(text: str) -> float:
    numerator, _, denominator = text.partition("/")
    if not numerator.isdigit() or not denominator.isdigit() or int(denominator) == 0:
        return 0.0
    return round(int(numerator) / int(denominator), 3)
