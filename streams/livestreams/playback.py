"""Where a livestream's files are, and how they come to their end.

`PLAYBACK_DIR/<playback id>/` holds the multivariant playlist, the thumbnail, and a folder for each run of a session.
"""

import errno
import logging
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

logger = logging.getLogger(__name__)

_THUMBNAIL_NAME = "thumbnail.jpg"
# In small bites: cutting encoders waits for the same workers.
_MOST_REMOVED_AT_ONCE = 50


def multivariant_path(livestream: Livestream) -> Path:
    return _folder(livestream) / PLAYLIST_NAME


def packaging_for(livestream: Livestream, lease: Lease) -> Packaging:
    """Return where this run writes; its folder is named by session and epoch, so that no two runs ever share one."""
    return Packaging(
        folder=_folder(livestream) / f"{_session_prefix(lease.session_id)}-{lease.epoch}",
        thumbnail_path=_folder(livestream) / _THUMBNAIL_NAME,
        segment_s=settings.SEGMENT_S,
        playlist_segments=settings.PLAYLIST_SEGMENTS,
        thumbnail_s=settings.THUMBNAIL_S,
    )


def take_down_earlier(livestream: Livestream) -> None:
    """Show nothing of an earlier session while a new one is connecting; its segments stay until they expire."""
    for name in (PLAYLIST_NAME, _THUMBNAIL_NAME):
        (_folder(livestream) / name).unlink(missing_ok=True)


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


def remove_deleted(*, livestream_id: UUID) -> None:
    """Remove every file of a deleted livestream.

    :raises OSError: when a run that is just ending still writes there: try again.
    """
    livestream = Livestream.objects.filter(pk=livestream_id, deleted_at__isnull=False).first()
    if livestream is None:
        return
    # Not by suppressing FileNotFoundError: a file that vanishes meanwhile raises it too, and leaves the rest.
    if _folder(livestream).exists():
        shutil.rmtree(_folder(livestream))
    Session.objects.filter(livestream=livestream, files_removed_at=None).update(files_removed_at=clock.now())


def remove_expired() -> int:
    """Remove the files of sessions that were over before the retention time; return how many sessions.

    What cannot be removed is logged and tried again, after everything else.
    """
    before = clock.now() - timedelta(seconds=settings.PLAYBACK_RETENTION_S)
    expired = Session.objects.filter(stopped_at__lt=before, files_removed_at=None).select_related("livestream")
    return sum(_remove(session) for session in expired.order_by("?")[:_MOST_REMOVED_AT_ONCE])


def _remove(session: Session) -> bool:
    folder, prefix = _folder(session.livestream), f"{_session_prefix(session.pk)}-"
    try:
        for run in folder.glob(f"{prefix}*"):
            shutil.rmtree(run)
        if not any(path.is_dir() for path in folder.glob("*")):
            # Nobody has come since: what is left shows a broadcast that is gone.
            take_down_earlier(session.livestream)
        _remove_if_empty(folder)
    except OSError:
        logger.exception("files not removed session=%s", session.pk)
        return False
    Session.objects.filter(pk=session.pk).update(files_removed_at=clock.now())
    return True


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except FileNotFoundError:
        pass
    except OSError as error:
        if error.errno != errno.ENOTEMPTY:  # Another session's files are there.
            raise


def _folder(livestream: Livestream) -> Path:
    return Path(settings.PLAYBACK_DIR) / livestream.playback_id


def _session_prefix(session_id: UUID) -> str:
    return session_id.hex[:16]
