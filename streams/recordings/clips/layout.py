"""How a clip is laid out: its playlists and all that is told of it, and its file, before that is stored."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO
from uuid import UUID

from streams.media.recording.clips import Composition, clip
from streams.media.recording.index import TrackKind
from streams.media.recording.movie import MovieError
from streams.media.recording.playlists import clip_playlist, multivariant_playlist
from streams.recordings import spool
from streams.recordings.clips.errors import NothingToClipError
from streams.recordings.clips.materials import Material

# The file's name, and those of its playlists, in the folder that they are served as.
FILE, INDEX = "clip.mp4", "index.m3u8"
_MEDIA = {TrackKind.VIDEO: "video.m3u8", TrackKind.AUDIO: "audio.m3u8"}
PLAYLISTS = (INDEX, *_MEDIA.values())
_PIECE = 4 * 1024 * 1024
# Half a minute of what most people broadcast; what is longer waits for its disk.
_MOST_IN_MEMORY = 16 * 1024 * 1024


@dataclass(frozen=True)
class Layout:
    """What is known of a clip before its file is there."""

    composition: Composition
    playlists: Mapping[str, str]
    starts_at: datetime
    gaps: list[dict[str, object]]

    @property
    def facts(self) -> dict[str, object]:
        """As the row has them."""
        return {
            "playlists": dict(self.playlists),
            "starts_at": self.starts_at,
            "gaps": self.gaps,
            "duration_us": self.composition.duration_us,
            "size": self.composition.size,
        }


def lay_out(material: Material) -> Layout:
    """Return how what is between is shown.

    :raises NothingToClipError: when that is nothing.
    """
    movie, start_us, end_us = material.movie, material.start_us, material.end_us
    try:
        composition = clip(movie, start_us=start_us, end_us=end_us)
    except MovieError as error:
        raise NothingToClipError(f"Nothing of it can be shown: {error}") from error
    uris = {"video_uri": _MEDIA[TrackKind.VIDEO], "audio_uri": _MEDIA[TrackKind.AUDIO]}
    playlists = {INDEX: multivariant_playlist(movie, **uris)}
    for kind, name in _MEDIA.items():
        if movie.has(kind):
            playlists[name] = clip_playlist(movie, kind, composition, uri=FILE, start_us=start_us)
    within = (gap for gap in movie.gaps if start_us < gap.at_us < end_us)
    return Layout(
        composition,
        playlists,
        starts_at=datetime.fromtimestamp(material.starts_ms / 1000, UTC),
        gaps=[{**asdict(gap), "at_us": gap.at_us - start_us} for gap in within],
    )


def write_file(clip_id: UUID, layout: Layout, material: Material) -> None:
    """Write a clip's file, where it waits until it is stored.

    :raises StoreError: when what it is cut out of cannot be read.
    :raises OSError: when it cannot be written.
    """
    spool.check_room()
    draft = spool.made_folder(clip_id) / f".{FILE}"
    with draft.open("wb") as file:
        file.write(layout.composition.head)
        for each in layout.composition.ranges:
            for offset in range(each.offset, each.offset + each.length, _PIECE):
                file.write(material.read(offset, min(_PIECE, each.offset + each.length - offset)))
    draft.replace(waiting_file(clip_id))


def waiting_file(clip_id: UUID) -> Path:
    """Return where its file waits until it is stored."""
    return spool.folder_of(clip_id) / FILE


def scratch_file(clip_id: UUID) -> IO[bytes]:
    """Return a file that something of it may be kept in until it is closed: in memory, unless that is a lot."""
    return SpooledTemporaryFile(max_size=_MOST_IN_MEMORY, dir=str(spool.made_folder(clip_id)), prefix=".")
