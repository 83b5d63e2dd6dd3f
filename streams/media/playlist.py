"""The multivariant playlist.

Media playlists are made in `media_playlist.py`. Source: RFC 8216bis.
"""

from dataclasses import dataclass, replace
from typing import Self

from streams.media.ladder import Rendition

_AUDIO_GROUP = "audio"


@dataclass(frozen=True)
class Variant:
    """A rendition as a multivariant playlist lists it; bandwidths in bit/s."""

    rendition: Rendition
    uri: str
    codecs: str
    bandwidth: int
    average_bandwidth: int
    # Empty and 0 where there is no playlist of the first pictures alone.
    key_frames_uri: str = ""
    key_frames_bandwidth: int = 0

    def with_query(self, query: str) -> Self:
        """Return it with a query behind its URI."""
        return replace(self, uri=f"{self.uri}{query}")


def render_multivariant(variants: list[Variant]) -> str:
    """Return the playlist that viewers open: each video rendition, and audio alone for those with little bandwidth.

    Audio is one rendition that all video renditions share, so nobody downloads it twice when the quality changes.
    Source: RFC 8216bis 4.4.6; BANDWIDTH counts the audio in.
    """
    audio = next((variant for variant in variants if not variant.rendition.is_video), None)
    lines = ["#EXTM3U", "#EXT-X-VERSION:9", "#EXT-X-INDEPENDENT-SEGMENTS"]
    if audio is not None:
        lines.append(
            f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="{_AUDIO_GROUP}",NAME="Audio",DEFAULT=YES,AUTOSELECT=YES,URI="{audio.uri}"'
        )
    for variant in variants:
        lines += [_stream_inf(variant, audio=audio), variant.uri]
    lines += [_key_frames_inf(variant) for variant in variants if variant.key_frames_uri]
    return "\n".join(lines) + "\n"


def _stream_inf(variant: Variant, *, audio: Variant | None) -> str:
    rendition, shared = variant.rendition, audio if variant.rendition.is_video else None
    attributes = {
        "BANDWIDTH": str(variant.bandwidth + (shared.bandwidth if shared else 0)),
        "AVERAGE-BANDWIDTH": str(variant.average_bandwidth + (shared.average_bandwidth if shared else 0)),
        "CODECS": f'"{variant.codecs}{"," + shared.codecs if shared else ""}"',
    }
    if rendition.is_video:
        attributes["RESOLUTION"] = _resolution(rendition)
        attributes["FRAME-RATE"] = f"{rendition.fps:.3f}"
    if audio is not None:
        attributes["AUDIO"] = f'"{_AUDIO_GROUP}"'
    return _tag("EXT-X-STREAM-INF", attributes)


def _key_frames_inf(variant: Variant) -> str:
    """Return what players show while somebody looks for a place. Source: RFC 8216bis 4.4.6.3."""
    return _tag(
        "EXT-X-I-FRAME-STREAM-INF",
        {
            "BANDWIDTH": str(variant.key_frames_bandwidth),
            "CODECS": f'"{variant.codecs}"',
            "RESOLUTION": _resolution(variant.rendition),
            "URI": f'"{variant.key_frames_uri}"',
        },
    )


def _resolution(rendition: Rendition) -> str:
    return f"{rendition.width}x{rendition.height}"


def _tag(name: str, attributes: dict[str, str]) -> str:
    return f"#{name}:" + ",".join(f"{key}={value}" for key, value in attributes.items())
