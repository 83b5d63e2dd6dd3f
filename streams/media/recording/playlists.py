"""The recording as HLS video on demand: playlists whose segments are byte ranges of the one file.

Source: RFC 8216bis.
"""

from streams.media.recording.index import TrackKind
from streams.media.recording.movie import Movie


def multivariant_playlist(movie: Movie, *, video_uri: str, audio_uri: str) -> str:
    """Return the playlist that players begin with; addresses are those of `media_playlist`, unused without that track.

    :raises MovieError: when there is nothing to be listed.
    """
    raise NotImplementedError


def media_playlist(movie: Movie, kind: TrackKind, *, uri: str, start_us: int = 0, end_us: int | None = None) -> str:
    """Return the playlist of one track of a file at `uri`; a clip's has the segments between two times of the file.

    :raises MovieError: when there is nothing between.
    """
    raise NotImplementedError
