"""Listening to what happens in `streams`, and writing it down for whoever wants to be told of it.

All of it runs in the transaction of the change, whose caller holds the lock of the livestream or meeting: so what is
written down of one of these stands in the order in which it was committed.
"""

from collections.abc import Collection, Sequence

from livehub.core import events
from streams.livestreams.events import (
    HealthChanged,
    LivestreamChanged,
    LivestreamCreated,
    LivestreamDeleted,
    LivestreamEvent,
    OutputCreated,
    OutputDeleted,
    SessionStatusChanged,
    SimulcastStateChanged,
)
from streams.livestreams.states import OutputType, SessionStatus, SimulcastState
from streams.meetings.events import (
    MeetingEnded,
    MeetingSessionEvent,
    MeetingStarted,
    ParticipantJoined,
    ParticipantLeft,
)
from streams.recordings.events import (
    ClipDeleted,
    ClipEvent,
    ClipStatusChanged,
    RecordingDeleted,
    RecordingEvent,
    RecordingStatusChanged,
)
from streams.recordings.states import ClipStatus, RecordingStatus
from webhooks import catalogue, facts
from webhooks.facts import Facts
from webhooks.outbox import Happening, record, record_all

_SESSION_EVENTS = {
    SessionStatus.CONNECTING.value: "livestream.connected",
    SessionStatus.STANDBY.value: "livestream.standby",
    SessionStatus.LIVE.value: "livestream.live",
    SessionStatus.RECONNECTING.value: "livestream.reconnecting",
    SessionStatus.ENDED.value: "livestream.ended",
    SessionStatus.ERRORED.value: "livestream.errored",
}
_RECORDING_EVENTS = {
    RecordingStatus.INVOKED.value: "recording.invoked",
    RecordingStatus.RECORDING.value: "recording.started",
    RecordingStatus.PAUSED.value: "recording.paused",
    RecordingStatus.UPLOADING.value: "recording.stopped",
    RecordingStatus.UPLOADED.value: "recording.stored",
    RecordingStatus.ERRORED.value: "recording.failed",
}
_CLIP_EVENTS = {
    ClipStatus.MAKING.value: "clip.created",
    ClipStatus.READY.value: "clip.ready",
    ClipStatus.FAILED.value: "clip.failed",
}
# At the vendors a livestream is live while its encoder is waited for, so nothing changes when it is back.
_STATUS_UPDATE = "livestreaming.statusUpdate"
# Nobody was told that an encoder had connected.
_OF_ENCODERS = {_STATUS_UPDATE, "stream-disconnected"}
# Goes out only when a livestream was enabled or disabled. Source: LiveAPI.
_TOGGLE = "stream-status-toggle"


def subscribe() -> None:
    """Listen to everything that the catalogue has (from `AppConfig.ready`)."""
    events.subscribe(LivestreamCreated, _note_created)
    events.subscribe(LivestreamChanged, _note_changed)
    events.subscribe(LivestreamDeleted, _note_deleted)
    events.subscribe(SessionStatusChanged, _note_status)
    events.subscribe(HealthChanged, _note_health)
    events.subscribe(OutputCreated, _note_added)
    events.subscribe(OutputDeleted, _note_removed)
    events.subscribe(SimulcastStateChanged, _note_simulcast)
    events.subscribe(RecordingStatusChanged, _note_recording)
    events.subscribe(RecordingDeleted, _note_recording_deleted)
    events.subscribe(ClipStatusChanged, _note_clip)
    events.subscribe(ClipDeleted, _note_clip_deleted)
    events.subscribe(MeetingStarted, _note_started)
    events.subscribe(MeetingEnded, _note_ended)
    events.subscribe(ParticipantJoined, _note_joined)
    events.subscribe_to_many(ParticipantLeft, _note_left)


def _note_created(event: LivestreamCreated) -> None:
    record(_of_livestream(event, "livestream.created", facts.of_livestream(event)))


def _note_changed(event: LivestreamChanged) -> None:
    if event.changed:
        names = catalogue.names_of("livestream.updated")
        if "disabled" not in event.changed:
            names = [name for name in names if name != _TOGGLE]
        told = {**facts.of_livestream(event), "changed": list(event.changed)}
        record(_of_livestream(event, "livestream.updated", told, names=names))


def _note_deleted(event: LivestreamDeleted) -> None:
    record(_of_livestream(event, "livestream.deleted", facts.of_livestream(event)))


def _note_status(event: SessionStatusChanged) -> None:
    event_type = _SESSION_EVENTS[event.new]
    names = catalogue.names_of(event_type)
    if event.old == SessionStatus.RECONNECTING and event.new == SessionStatus.LIVE:
        names = [name for name in names if name != _STATUS_UPDATE]
    elif event.old == SessionStatus.STANDBY and event.new == SessionStatus.LIVE:
        record(_of_livestream(event, "livestream.connected", facts.of_session(event)))
    elif event.old == SessionStatus.STANDBY:
        names = [name for name in names if name not in _OF_ENCODERS]
    record(_of_livestream(event, event_type, facts.of_session(event), names=names))


def _note_health(event: HealthChanged) -> None:
    record(_of_livestream(event, "livestream.health_changed", facts.of_health(event)))


def _note_added(event: OutputCreated) -> None:
    if event.output_type == OutputType.SIMULCAST:
        record(_of_livestream(event, "livestream.simulcast_added", facts.of_output(event)))


def _note_removed(event: OutputDeleted) -> None:
    if event.output_type == OutputType.SIMULCAST:
        record(_of_livestream(event, "livestream.simulcast_removed", facts.of_output(event)))


def _note_simulcast(event: SimulcastStateChanged) -> None:
    was_taken, is_taken = (state == SimulcastState.BROADCASTING for state in (event.old, event.new))
    if was_taken != is_taken:
        event_type = "livestream.simulcast_connected" if is_taken else "livestream.simulcast_disconnected"
        record(_of_livestream(event, event_type, facts.of_output(event)))


def _note_recording(event: RecordingStatusChanged) -> None:
    record(_of_recording(event, _RECORDING_EVENTS[event.status]))


def _note_recording_deleted(event: RecordingDeleted) -> None:
    record(_of_recording(event, "recording.deleted"))


def _note_clip(event: ClipStatusChanged) -> None:
    record(_of_clip(event, _CLIP_EVENTS[event.status]))


def _note_clip_deleted(event: ClipDeleted) -> None:
    record(_of_clip(event, "clip.deleted"))


def _note_started(event: MeetingStarted) -> None:
    record(_of_meeting(event, "meeting.started", facts.of_meeting(event)))


def _note_ended(event: MeetingEnded) -> None:
    record(_of_meeting(event, "meeting.ended", facts.of_meeting(event)))


def _note_joined(event: ParticipantJoined) -> None:
    record(_of_meeting(event, "meeting.participantJoined", facts.of_participant(event)))


def _note_left(told: Sequence[ParticipantLeft]) -> None:
    record_all([_of_meeting(event, "meeting.participantLeft", facts.of_participant(event)) for event in told])


def _of_livestream(
    event: LivestreamEvent, event_type: str, told: Facts, *, names: Collection[str] | None = None
) -> Happening:
    return Happening(
        app_id=event.app_id,
        type=event_type,
        names=catalogue.names_of(event_type) if names is None else names,
        subject_type="livestream",
        subject_id=event.livestream_id,
        at=event.at,
        facts=told,
    )


def _of_meeting(event: MeetingSessionEvent, event_type: str, told: Facts) -> Happening:
    return Happening(
        app_id=event.app_id,
        type=event_type,
        names=catalogue.names_of(event_type),
        subject_type="meeting",
        subject_id=event.meeting_id,
        at=event.at,
        facts=told,
    )


def _of_recording(event: RecordingEvent, event_type: str) -> Happening:
    return Happening(
        app_id=event.app_id,
        type=event_type,
        names=catalogue.names_of(event_type),
        subject_type="recording",
        subject_id=event.recording_id,
        at=event.at,
        facts=facts.of_recording(event),
    )


def _of_clip(event: ClipEvent, event_type: str) -> Happening:
    return Happening(
        app_id=event.app_id,
        type=event_type,
        names=catalogue.names_of(event_type),
        subject_type="clip",
        subject_id=event.clip_id,
        at=event.at,
        facts=facts.of_clip(event),
    )
