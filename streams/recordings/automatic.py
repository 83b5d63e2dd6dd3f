"""Recordings that begin and end with broadcasts: what livestreams tell of their sessions."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import transaction

from livehub.core import clock, events
from livehub.core.crypto import UndecryptableSecretError
from livehub.core.errors import DomainError, ValidationFailedError
from streams.livestreams.events import SessionStatusChanged
from streams.livestreams.models import Livestream, Session
from streams.livestreams.states import SessionStatus
from streams.organizations.services import SYSTEM
from streams.recordings import lifecycle
from streams.recordings.configuring import new_recording_of, with_secrets
from streams.recordings.locks import locked_recordings
from streams.recordings.models import Recording
from streams.recordings.models.recording import PROBLEM_MAX_LENGTH
from streams.recordings.policies import get_policy, is_recorded, storage_of
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
    livestream = session.livestream
    if livestream.meeting is None:
        make_recording(livestream, session, new=_new_of_policy(livestream), actor=SYSTEM)
    else:
        config, encrypted = livestream.meeting.recording_config, livestream.meeting.storage_secrets_encrypted
        _begin_of_meeting(session, config, encrypted=encrypted)


def _new_of_policy(livestream: Livestream) -> NewRecording:
    policy = get_policy(livestream)
    return NewRecording(
        origin=RecordingOrigin.AUTOMATIC,
        max_seconds=policy.max_seconds,
        file_name_prefix=policy.file_name_prefix,
        retention_s=policy.retention_s,
        slate=SlateRecording(policy.slate),
        storage=storage_of(policy),
    )


def _begin_of_meeting(session: Session, config: Mapping[str, Any], *, encrypted: str) -> None:
    """Record as the meeting says; what cannot be like that is shown to have failed, rather than kept elsewhere."""
    origin, livestream = RecordingOrigin.RECORD_ON_START, session.livestream
    try:
        with transaction.atomic():
            told = with_secrets(config, encrypted=encrypted)
            new = new_recording_of(told, app=livestream.app, origin=origin)
            make_recording(livestream, session, new=new, actor=SYSTEM)
    except DomainError as error:
        refused = NewRecording(origin=origin, file_name_prefix=str(config.get("file_name_prefix") or ""))
        recording = make_recording(livestream, session, new=refused, actor=SYSTEM)
        lifecycle.fail(recording, problem=_refusal(error))


def _refusal(error: DomainError) -> str:
    if isinstance(error, ValidationFailedError):
        complaints = "; ".join(f"{name}: {' '.join(said)}" for name, said in error.fields.items())
        return f"The meeting's recording_config cannot be followed. {complaints}"[:PROBLEM_MAX_LENGTH]
    if isinstance(error, UndecryptableSecretError):
        return "The storage of the meeting's recording_config cannot be opened any more. Give its secrets anew."
    return f"The meeting's recording_config cannot be followed. {error.message}"[:PROBLEM_MAX_LENGTH]


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
