"""The paths under which viewers find a livestream's files: the only place that spells them."""

from uuid import UUID

PLAYLIST_NAME = "index.m3u8"
# The same without what was broadcast before: for players that are not to go back.
LIVE_PLAYLIST_NAME = "live.m3u8"
THUMBNAIL_NAME = "thumbnail.jpg"
# The last ones, animated.
PREVIEW_NAME = "preview.webp"
# What can be played of it once it is over, for as long as its recordings are kept.
RECORDINGS_NAME = "recordings"


def multivariant_path(playback_id: str, *, token: str = "") -> str:
    """Return the path of the playlist that stays the same from session to session.

    What is relative in it inherits the `token`, which opens what is not for everybody.
    """
    return _media_path(playback_id, PLAYLIST_NAME, token=token)


def watch_path(playback_id: str) -> str:
    """Return the path of the page on which people watch it."""
    return f"/watch/{playback_id}"


def streamer_path(token: str) -> str:
    """Return the path of the page of a streamer's link; what stands behind the # is sent to nobody."""
    return f"/streamer#{token}"


def embed_path(playback_id: str) -> str:
    """Return the path of the page that plays it, in a frame of anybody's."""
    return f"/embed/{playback_id}"


def thumbnail_path(playback_id: str, *, token: str = "") -> str:
    """Return the path of the newest picture of a live session."""
    return _media_path(playback_id, THUMBNAIL_NAME, token=token)


def preview_path(playback_id: str, *, token: str = "") -> str:
    """Return the path of the animation of a live session's last pictures."""
    return _media_path(playback_id, PREVIEW_NAME, token=token)


def recorded_path(playback_id: str, recording_id: UUID, name: str = PLAYLIST_NAME, *, token: str = "") -> str:
    """Return the path of what is played of a recording: its playlist, unless another file of it is named."""
    return _media_path(playback_id, f"{RECORDINGS_NAME}/{recording_id}/{name}", token=token)


def _media_path(playback_id: str, name: str, *, token: str) -> str:
    opened_by = f"t/{token}/" if token else ""
    return f"/playback/{opened_by}{playback_id}/{name}"
