"""Watching what ffmpeg has written: when it can be played, and at which bitrates."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from streams.media.ffmpeg import PLAYLIST_NAME
from streams.media.fmp4 import codec_strings
from streams.media.ladder import Ladder, Rendition
from streams.media.playlist import Variant, parse_media_playlist, render_multivariant

# What containers add to the codecs' nominal rates, and how far a segment may exceed them.
_NOMINAL_HEADROOM = 1.1
_LEAST_KBPS = 32


@dataclass
class _Meter:
    """Measures one rendition's segments, each once."""

    rendition: Rendition
    playlist_path: Path
    codecs: str = ""
    peak: int = 0
    bits: int = 0
    seconds: float = 0.0
    _last: str = ""

    def read(self) -> None:
        """Take in the segments that came since the last time."""
        if not self.playlist_path.exists():
            return
        playlist = parse_media_playlist(self.playlist_path.read_text())
        for segment in playlist.segments:
            if segment.name > self._last and segment.duration_s > 0:
                self._measure(segment.name, segment.duration_s)
        if not self.codecs and self.bits:
            # Each rendition is one track.
            (self.codecs,) = codec_strings((self.playlist_path.parent / playlist.init_name).read_bytes())

    def _measure(self, name: str, duration_s: float) -> None:
        bits = (self.playlist_path.parent / name).stat().st_size * 8
        self._last = name
        self.bits += bits
        self.seconds += duration_s
        self.peak = max(self.peak, int(bits / duration_s))

    def variant(self, *, uri: str) -> Variant:
        nominal = max(self.rendition.video_kbps + self.rendition.audio_kbps, _LEAST_KBPS) * 1000
        measured = int(self.bits / self.seconds)
        # The promise holds for the segments to come too, so a quiet beginning does not lower it.
        bandwidth = max(self.peak, int(nominal * _NOMINAL_HEADROOM))
        return Variant(self.rendition, uri, self.codecs, bandwidth, min(measured, bandwidth))


class RunOutput:
    """The renditions of one run of ffmpeg, and the multivariant playlist that lists them.

    `run_name` is the folder's URI as seen from that playlist, `replace` replaces the playlist in one step.
    """

    def __init__(self, ladder: Ladder, folder: Path, run_name: str, replace: Callable[[str], None]) -> None:
        self._run_name = run_name
        self._replace = replace
        self._meters = [_Meter(rendition, folder / rendition.name / PLAYLIST_NAME) for rendition in ladder.renditions]
        self._peaks: list[int] = []

    def prepare(self) -> None:
        """Make the folders."""
        for meter in self._meters:
            meter.playlist_path.parent.mkdir(parents=True, exist_ok=True)

    def publish(self) -> bool:
        """List the renditions once each has a segment, and again when a peak bitrate grew.

        Returns whether the broadcast can be played. Side effect: the multivariant playlist.
        """
        for meter in self._meters:
            meter.read()
        if not all(meter.codecs for meter in self._meters):
            return False
        peaks = [meter.peak for meter in self._meters]
        if peaks != self._peaks:
            self._peaks = peaks
            self._write()
        return True

    def _write(self) -> None:
        self._replace(
            render_multivariant(
                [
                    meter.variant(uri=f"{self._run_name}/{meter.rendition.name}/{PLAYLIST_NAME}")
                    for meter in self._meters
                ]
            )
        )
