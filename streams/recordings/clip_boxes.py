"""What the pages of livestreams and recordings show of their clips."""

from streams.livestreams.models import Livestream
from streams.livestreams.selectors import find_played_session
from streams.recordings.clip_forms import LAST_MINUTES, LAST_S
from streams.recordings.clips import selectors
from streams.recordings.models import ClipQuerySet, Recording

# On the page of their livestream or recording.
_NEWEST = 5


def livestream_clips_box(livestream: Livestream, *, can_operate: bool) -> dict[str, object]:
    """Return the newest clips of a livestream, and what a new one can be of, for whoever makes one."""
    can_clip = can_operate and find_played_session(livestream) is not None
    newest = _newest(selectors.list_livestream_clips(livestream))
    return {**newest, "can_clip": can_clip, "last_s": LAST_S, "last_minutes": LAST_MINUTES}


def recording_clips_box(recording: Recording) -> dict[str, object]:
    """Return the newest clips of a recording."""
    return _newest(selectors.list_recording_clips(recording))


def _newest(rows: ClipQuerySet) -> dict[str, object]:
    found = [*rows[: _NEWEST + 1]]
    clips = found[:_NEWEST]
    count = rows.count() if len(found) > _NEWEST else len(found)
    return {"clips": clips, "count": count, "is_any_unfinished": any(each.is_unfinished for each in clips)}
