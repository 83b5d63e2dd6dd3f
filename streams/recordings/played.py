"""What players are told of stored recordings: made once, and kept where the edge hands it out without asking anybody.

All of it follows from rows and from what lies in the store, so whoever misses a file makes it again. The media itself
is only pointed at where it lies in this node's own folder.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from tempfile import NamedTemporaryFile

from django.conf import settings

from streams.livestreams.addresses import PLAYLIST_NAME, RECORDINGS_NAME
from streams.livestreams.storage import folder_name
from streams.media.recording.index import TrackKind
from streams.media.recording.movie import Movie
from streams.media.recording.playlists import media_playlist, multivariant_playlist
from streams.recordings.links import STORYBOARD_NAME
from streams.recordings.models import Recording
from streams.recordings.storing import folder_store

logger = logging.getLogger(__name__)

MEDIA_NAME = "media.mp4"
_TRACKS = {"video.m3u8": TrackKind.VIDEO, "audio.m3u8": TrackKind.AUDIO}


def has_playlist(recording: Recording, name: str) -> bool:
    """Tell whether a stored recording has such a playlist: without reading all that was recorded."""
    kind = _TRACKS.get(name)
    return name == PLAYLIST_NAME or (kind is not None and recording.inits.filter(slot__startswith=kind).exists())


def keep_playlists(recording: Recording, movie: Movie) -> None:
    """Keep a stored recording's playlists; on its own node alone.

    :raises OSError: when they cannot be kept.
    """
    _keep_all(recording, _playlists(recording, movie))


def _keep_all(recording: Recording, playlists: Mapping[str, bytes]) -> None:
    for name, text in playlists.items():
        keep(recording, name, text)
    if recording.storage is None and (folder := _own_folder(recording)) is not None:
        with suppress(FileExistsError):
            (folder / MEDIA_NAME).symlink_to(folder_store().path(recording.object_name))


def playlists_asked_for(recording: Recording, movie: Movie) -> dict[str, bytes]:
    """Return a stored recording's playlists by name, and keep them for the next who asks, where that can be."""
    playlists = _playlists(recording, movie)
    keep_if_possible(recording, lambda: _keep_all(recording, playlists))
    return playlists


def keep_if_possible(recording: Recording, keep: Callable[[], None]) -> None:
    """Keep for the next who asks what somebody is answered with whether or not it can be kept."""
    try:
        keep()
    except OSError as error:
        logger.warning("not kept for players recording=%s", recording.pk, exc_info=error)
    if not Recording.objects.existing().filter(pk=recording.pk).exists():
        # Whoever erased it may have been here before.
        forget(recording)


def _playlists(recording: Recording, movie: Movie) -> dict[str, bytes]:
    playlists = {name: media_playlist(movie, kind, uri=MEDIA_NAME) for name, kind in _TRACKS.items() if movie.has(kind)}
    video_uri, audio_uri = _TRACKS
    playlists[PLAYLIST_NAME] = multivariant_playlist(
        movie,
        video_uri=video_uri,
        audio_uri=audio_uri,
        storyboard_uri=STORYBOARD_NAME if recording.has_stills else "",
        session=folder_name(recording.session_id) if recording.session_id else "",
    )
    return {name: text.encode() for name, text in playlists.items()}


def keep(recording: Recording, name: str, content: bytes) -> None:
    """Keep a file that is played of a recording, in one step; on its own node alone, which is told when it is deleted.

    :raises OSError: when it cannot be kept.
    """
    folder = _own_folder(recording)
    if folder is None:
        return
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as draft:
        try:
            draft.write(content)
            draft.flush()
        except OSError:
            # Of a full disk nothing is left behind each time that somebody asks.
            Path(draft.name).unlink()
            raise
    Path(draft.name).replace(path)


def kept(recording: Recording, name: str) -> bytes | None:
    """Return a file that is kept here, None where it is not."""
    folder = _own_folder(recording)
    try:
        return (folder / name).read_bytes() if folder is not None else None
    except OSError:
        # Whoever wants it has it made again.
        return None


def forget(recording: Recording) -> None:
    """Remove all that is kept of a recording; that of other nodes is none.

    :raises OSError: when it cannot be removed.
    """
    folder = _own_folder(recording)
    if folder is not None and folder.exists():
        rmtree(folder)


def _own_folder(recording: Recording) -> Path | None:
    if recording.livestream is None or recording.node != settings.NODE:
        return None
    livestream_folder = Path(settings.RECORDINGS_PLAYED_DIR) / recording.livestream.playback_id
    return livestream_folder / RECORDINGS_NAME / str(recording.pk)
