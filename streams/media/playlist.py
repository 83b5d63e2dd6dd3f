"""The multivariant playlist.

Media playlists are made in `media_playlist.py`. Source: RFC 8216bis.
"""

from dataclasses import dataclass

from streams.media.ladder import Rendition

MEDIA_PLAYLIST_NAME = "index.m3u8"
KEY_FRAMES_NAME = "iframes.m3u8"
EDGE_QUERY = "?dvr=0"
# By what players find the pictures of the scrub bar. Source: RFC 8216bis 4.4.6.4.
_STORYBOARD_ID = "livehub.storyboard"
# By what they know which broadcast a recording is of.
_SESSION_ID = "livehub.session"
_AUDIO_GROUP = "audio"
# Half a target duration, and a little less. Source: RFC 8216bis 4.4.6.2, peak segment bit rate.
_LEAST_MEASURED_US = 1_800_000


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


@dataclass
class Bitrates:
    """What a slot's segments were measured to have, in bit/s. It is a promise, so a quiet one lowers nothing."""

    peak: int = 0
    key_frames_peak: int = 0
    _bits: int = 0
    _us: int = 0
    # Of segments that are too short to be measured by themselves.
    _short_bits: int = 0
    _short_us: int = 0

    def add(self, *, size: int, key_size: int, duration_us: int) -> None:
        """Take in a segment; it lasts."""
        self._bits += size * 8
        self._us += duration_us
        self.key_frames_peak = max(self.key_frames_peak, key_size * 8_000_000 // duration_us)
        self._short_bits += size * 8
        self._short_us += duration_us
        if self._short_us >= _LEAST_MEASURED_US:
            self.peak = max(self.peak, self._short_bits * 1_000_000 // self._short_us)
            self._short_bits = self._short_us = 0

    @property
    def average(self) -> int:
        return self._bits * 1_000_000 // self._us if self._us else 0


def render_multivariant(variants: list[Variant], *, storyboard_uri: str = "", session: str = "") -> str:
    """Return the playlist that viewers open: each video rendition, and audio alone for those with little bandwidth.

    `session` is what the broadcast's folder is called that they are a recording of.

    Audio is one rendition that all video renditions share, so nobody downloads it twice when the quality changes.
    Source: RFC 8216bis 4.4.6; BANDWIDTH counts the audio in.
    """
    audio = next((variant for variant in variants if not variant.rendition.is_video), None)
    lines = ["#EXTM3U", "#EXT-X-VERSION:9", "#EXT-X-INDEPENDENT-SEGMENTS"]
    if storyboard_uri:
        lines.append(f'#EXT-X-SESSION-DATA:DATA-ID="{_STORYBOARD_ID}",FORMAT=RAW,URI="{storyboard_uri}"')
    if session:
        lines.append(f'#EXT-X-SESSION-DATA:DATA-ID="{_SESSION_ID}",VALUE="{session}"')
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
