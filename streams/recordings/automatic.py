"""Recordings that begin and end with broadcasts: what livestreams tell of their sessions."""

from django.conf import settings

from livehub.core import clock, events
from streams.livestreams.events import SessionStatusChanged
from streams.livestreams.models import Livestream, Session
from streams.livestreams.states import SessionStatus
from streams.organizations.services import SYSTEM
from streams.recordings import lifecycle
from streams.recordings.locks import locked_recordings
from streams.recordings.models import Recording
from streams.recordings.policies import get_policy, is_recorded
from streams.recordings.services import NewRecording, make_recording, part_size_of
from streams.recordings.states import RecordingOrigin, RecordingStatus, SlateRecording, StopReason

_OVER = frozenset({SessionStatus.ENDED, SessionStatus.ERRORED})
# Before it viewers could play nothing, or a slate.
_FIRST = frozenset({SessionStatus.CONNECTING, SessionStatus.STANDBY})


def subscribe() -> None:
    """Follow every broadcast (from `AppConfig.ready`)."""
    events.subscribe(SessionStatusChanged, follow_session)


def follow_session(event: SessionStatusChanged) -> None:
    """Begin and end the recordings of a broadcast with it; its livestream is locked."""
    if event.new == SessionStatus.LIVE and event.old in _FIRST:
        _begin(event)
    elif event.new in _OVER:
        _end(event)


def _begin(event: SessionStatusChanged) -> None:
    session = Session.objects.select_related("livestream__app__organization", "livestream__meeting").get(
        pk=event.session_id
    )
    if _begin_waiting(session) or not _is_wanted(session):
        return
    make_recording(session.livestream, session, new=_new_of(session.livestream), actor=SYSTEM)


def _new_of(livestream: Livestream) -> NewRecording:
    if livestream.meeting is None:
        policy = get_policy(livestream)
        return NewRecording(
            origin=RecordingOrigin.AUTOMATIC,
            max_seconds=policy.max_seconds,
            file_name_prefix=policy.file_name_prefix,
            retention_s=policy.retention_s,
            slate=SlateRecording(policy.slate),
            storage=policy.storage,
        )
    config = livestream.meeting.recording_config
    return NewRecording(
        origin=RecordingOrigin.RECORD_ON_START,
        max_seconds=config.get("max_seconds"),
        file_name_prefix=str(config.get("file_name_prefix") or ""),
    )


def _begin_waiting(session: Session) -> bool:
    """Give a broadcast to those who have waited for it; tell whether anybody has."""
    waiting = Recording.objects.existing().filter(
        livestream=session.livestream_id, session=None, status__in=[RecordingStatus.INVOKED, RecordingStatus.PAUSED]
    )
    return bool(
        waiting.update(
            session=session,
            node=session.node or settings.NODE,
            part_size=part_size_of(session),
            updated_at=clock.now(),
        )
    )


def _is_wanted(session: Session) -> bool:
    livestream: Livestream = session.livestream
    if Recording.objects.existing().active().filter(livestream=livestream, is_further=False).exists():
        return False
    if livestream.meeting is not None:
        # Else a meeting is recorded when somebody asks for it.
        return livestream.meeting.record_on_start
    if not settings.RECORD_AUTOMATICALLY:
        return False
    return is_recorded(livestream) and not session.is_of_test_picture()


def _end(event: SessionStatusChanged) -> None:
    for recording in locked_recordings().existing().active().filter(session=event.session_id).order_by("id"):
        lifecycle.stop(recording, reason=StopReason.BROADCAST_ENDED, actor=event.actor)
