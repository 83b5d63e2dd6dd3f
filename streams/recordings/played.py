"""What players are told of stored recordings: made once, and kept where the edge hands it out without asking anybody.

All of it follows from rows and from what lies in the store, so whoever misses a file makes it again. The media itself
is only pointed at where it lies in this node's own folder.
"""

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

MEDIA_NAME = "media.mp4"
_TRACKS = {"video.m3u8": TrackKind.VIDEO, "audio.m3u8": TrackKind.AUDIO}
PLAYLIST_NAMES = frozenset({PLAYLIST_NAME, *_TRACKS})


def keep_playlists(recording: Recording, movie: Movie) -> dict[str, str]:
    """Make a stored recording's playlists, and return them by name; on its own node they are kept.

    :raises OSError: when they cannot be kept.
    """
    playlists = {name: media_playlist(movie, kind, uri=MEDIA_NAME) for name, kind in _TRACKS.items() if movie.has(kind)}
    video_uri, audio_uri = _TRACKS
    playlists[PLAYLIST_NAME] = multivariant_playlist(
        movie,
        video_uri=video_uri,
        audio_uri=audio_uri,
        storyboard_uri=STORYBOARD_NAME if recording.has_stills else "",
        session=folder_name(recording.session_id) if recording.session_id else "",
    )
    for name, text in playlists.items():
        keep(recording, name, text.encode())
    if recording.storage is None and (folder := _own_folder(recording)) is not None:
        with suppress(FileExistsError):
            (folder / MEDIA_NAME).symlink_to(folder_store().path(recording.object_name))
    return playlists


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
        draft.write(content)
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
