"""What comes out of a run of ffmpeg: pipes into the packager, and the multivariant playlist that lists the slots."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from streams.media.ladder import Ladder, Rendition
from streams.media.marks import Cuts, Marks
from streams.media.packager import Packager, slots_of
from streams.media.playlist import (
    EDGE_QUERY,
    KEY_FRAMES_NAME,
    MEDIA_PLAYLIST_NAME,
    Bitrates,
    Variant,
    render_multivariant,
)
from streams.media.shelf import Shelf, end_session
from streams.media.stills.files import STORYBOARD_NAME
from streams.media.stills.gallery import Gallery
from streams.media.targets import TARGET_DURATION_S, Targets

PLAYLIST_NAME = "index.m3u8"
# With the live edge alone, for players that are not to go back.
LIVE_PLAYLIST_NAME = "live.m3u8"
# What containers add to the codecs' nominal rates, and how far a segment may exceed them.
_NOMINAL_HEADROOM = 1.1
_LEAST_KBPS = 32


@dataclass(frozen=True)
class Playback:
    """Where players find a session.

    `folder` holds its files and is the URI as which `publish`ed playlists name it; `publish` replaces one of them, by
    name, in one step. `epoch` is whose this run is. `told` is called with the folder in which there is something new.
    `preview_path` is where the animation of the last pictures goes.
    """

    folder: Path
    epoch: int
    dvr_window_s: int
    publish: Callable[[str, str], None]
    told: Callable[[Path], None]
    preview_path: Path


class RunOutput:
    """The renditions of one run of ffmpeg, on their way to players.

    ffmpeg writes each to one of `pipes`; they belong to it once it has started: `hand_over`.
    """

    def __init__(
        self,
        ladder: Ladder,
        playback: Playback,
        *,
        targets: Targets,
        marks: Marks | None,
        clock_ms: Callable[[], float],
        cuts: Cuts | None = None,
    ) -> None:
        """Go on with what is there of the session.

        :raises OSError: when files cannot be written.
        """
        folder = _folder(playback.folder, has_audio=ladder.audio is not None)
        self._playback = playback
        self._uri = folder.name
        self._slots = slots_of(ladder)
        # Bandwidths of each slot, and of its key frames alone.
        self._promised: dict[str, tuple[int, int]] = {}
        self.gallery = Gallery(
            folder, epoch=playback.epoch, dvr_window_s=playback.dvr_window_s, preview_path=playback.preview_path
        )
        # Last of what may find a full disk: its journal is open from here on.
        self._shelf = Shelf(
            folder,
            epoch=playback.epoch,
            part_target_s=targets.part_s,
            target_s=TARGET_DURATION_S,
            dvr_window_s=playback.dvr_window_s,
            told=partial(playback.told, folder),
        )
        pipes = [os.pipe() for _ in self._slots]
        self.pipes = tuple(writing for _, writing in pipes)
        renditions = {
            slot: (rendition, reading)
            for (slot, rendition), (reading, _) in zip(self._slots.items(), pipes, strict=True)
        }
        # Players keep the part target that they were told of first.
        self.targets = targets.with_part_target(self._shelf.part_target_s)
        self._packager = Packager(
            self._shelf,
            renditions,
            targets=self.targets,
            marks=marks,
            cuts=cuts,
            copies_audio=ladder.copies_audio,
            clock_ms=clock_ms,
        )

    def hand_over(self) -> None:
        """Let ffmpeg alone have the pipes' writing ends, so that its end is theirs."""
        pipes, self.pipes = self.pipes, ()
        for pipe in pipes:
            os.close(pipe)

    @property
    def latency_ms(self) -> float | None:
        """Mean time from when a picture was taken until it could be fetched, None before the first."""
        return self._packager.latency_ms

    @property
    def parts_made(self) -> int:
        return self._packager.parts_made

    def check(self) -> None:
        """Accept that all went well so far.

        :raises Exception: what the packager failed of.
        """
        if self._packager.failure is not None:
            raise self._packager.failure

    def publish(self) -> bool:
        """List the renditions once each has something that can be fetched, and again when a promise proved too low.

        Returns whether the broadcast can be played. Side effects: the multivariant playlists, what lists its pictures.

        :raises Exception: what the packager failed of.
        """
        self.check()
        if not self._packager.has_begun:
            return False
        variants = {slot: self._variant(slot, rendition) for slot, rendition in self._slots.items()}
        promised = {slot: (variant.bandwidth, variant.key_frames_bandwidth) for slot, variant in variants.items()}
        if promised != self._promised:
            self._promised = promised
            self._write(list(variants.values()))
        self.gallery.look(clock_ms=self._packager.offset_ms)
        return True

    def finish(self, *, timeout_s: float) -> None:
        """Return when all that came out of ffmpeg can be fetched, or after the time; ffmpeg has to be gone by then."""
        self.hand_over()
        self._packager.stop(timeout_s=timeout_s)

    def _write(self, variants: list[Variant]) -> None:
        storyboard_uri = f"{self._uri}/{STORYBOARD_NAME}"
        self._playback.publish(PLAYLIST_NAME, render_multivariant(variants, storyboard_uri=storyboard_uri))
        edge = [replace(variant, uri=f"{variant.uri}{EDGE_QUERY}") for variant in variants]
        self._playback.publish(LIVE_PLAYLIST_NAME, render_multivariant(edge))

    def _variant(self, slot: str, rendition: Rendition) -> Variant:
        nominal = round(max(rendition.video_kbps + rendition.audio_kbps, _LEAST_KBPS) * 1000 * _NOMINAL_HEADROOM)
        measured = self._shelf.bitrates.get(slot, Bitrates())
        folder, key_frames = f"{self._uri}/{slot}", measured.key_frames_peak
        # The promise holds for the segments to come too, so a quiet beginning does not lower it.
        bandwidth = max(measured.peak, nominal, self._promised.get(slot, (0, 0))[0])
        return Variant(
            rendition,
            f"{folder}/{MEDIA_PLAYLIST_NAME}",
            self._packager.codecs[slot],
            bandwidth,
            min(measured.average or nominal, bandwidth),
            key_frames_uri=f"{folder}/{KEY_FRAMES_NAME}" if rendition.is_video and key_frames else "",
            key_frames_bandwidth=key_frames,
        )


def _folder(folder: Path, *, has_audio: bool) -> Path:
    """Return where to go on: another folder when sound has come or gone, which players of the one before cannot follow.

    Side effect: that one's playlists get their end, so that players look for what comes now.
    """
    newest = folder
    number = 2
    while (following := folder.with_name(f"{folder.name}-{number}")).exists():
        newest, number = following, number + 1
    if not any(newest.glob("v*")) or (newest / "a0").exists() == has_audio:
        return newest
    end_session(newest)
    return following
