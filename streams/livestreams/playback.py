"""Where a livestream's files are, and how they come to their end.

`PLAYBACK_DIR/<playback id>/` holds the multivariant playlist, the thumbnail, and a folder for each run of a session.
"""

import shutil
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings

from livehub.core import clock
from streams.livestreams.lifecycle import Lease
from streams.livestreams.models import Livestream, Session
from streams.media.ffmpeg import PLAYLIST_NAME, Packaging
from streams.media.playlist import finish

_MOST_REMOVED_AT_ONCE = 500


def multivariant_path(livestream: Livestream) -> Path:
    return _folder(livestream) / PLAYLIST_NAME


def packaging_for(livestream: Livestream, lease: Lease) -> Packaging:
    """Return where this run writes; its folder is named by session and epoch, so that no two runs ever share one."""
    return Packaging(
        folder=_folder(livestream) / f"{_session_prefix(lease.session_id)}-{lease.epoch}",
        thumbnail_path=_folder(livestream) / "thumbnail.jpg",
        segment_s=settings.SEGMENT_S,
        playlist_segments=settings.PLAYLIST_SEGMENTS,
        thumbnail_s=settings.THUMBNAIL_S,
    )


def finish_playlists(*, session_id: UUID) -> None:
    """Tell players that nothing will follow, where a killed ffmpeg could not; a running session is left alone."""
    session = Session.objects.select_related("livestream").get(pk=session_id)
    if session.is_open:
        return
    for playlist in _folder(session.livestream).glob(f"{_session_prefix(session.pk)}-*/*/{PLAYLIST_NAME}"):
        text = playlist.read_text()
        if finish(text) != text:
            draft = playlist.with_suffix(".draft")
            draft.write_text(finish(text))
            draft.replace(playlist)


def remove_expired() -> int:
    """Remove the files of sessions that were over before the retention time; return how many sessions."""
    before = clock.now() - timedelta(seconds=settings.PLAYBACK_RETENTION_S)
    expired = Session.objects.filter(stopped_at__lt=before, files_removed_at=None).select_related("livestream")
    sessions = list(expired.order_by("stopped_at")[:_MOST_REMOVED_AT_ONCE])
    for session in sessions:
        _remove(session)
    return len(sessions)


def _remove(session: Session) -> None:
    folder = _folder(session.livestream)
    prefix = _session_prefix(session.pk)
    for run in folder.glob(f"{prefix}-*"):
        shutil.rmtree(run)
    playlist = folder / PLAYLIST_NAME
    if playlist.exists() and f"{prefix}-" in playlist.read_text():
        # Nobody has come since: what is left shows a broadcast that is gone.
        shutil.rmtree(folder)
    Session.objects.filter(pk=session.pk).update(files_removed_at=clock.now())


def _folder(livestream: Livestream) -> Path:
    return Path(settings.PLAYBACK_DIR) / livestream.playback_id


def _session_prefix(session_id: UUID) -> str:
    return session_id.hex[:16]
