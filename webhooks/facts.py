"""What is written down of each event: all that its payloads will need, in words of JSON, and nothing secret."""

from datetime import datetime

from livehub.core import clock
from streams.livestreams.events import HealthChanged, LivestreamEvent, OutputEvent, SessionStatusChanged
from streams.meetings.events import MeetingEnded, MeetingEvent, MeetingSessionEvent, ParticipantEvent, ParticipantLeft
from streams.meetings.states import MeetingSessionStatus
from streams.recordings.events import ClipEvent, RecordingEvent
from webhooks.models import Endpoint

Facts = dict[str, object]


def of_livestream(event: LivestreamEvent) -> Facts:
    """Return whose livestream it is, and what it is like after the event; with its meeting, if it has one."""
    livestream = {
        "id": str(event.livestream_id),
        "name": event.name,
        "status": event.status,
        "is_disabled": event.is_disabled,
        "playback_id": event.playback_id,
        "meeting_id": str(event.meeting_id) if event.meeting_id else None,
        "created_at": clock.isoformat(event.created_at),
    }
    facts: Facts = {
        "organization": _organization(event),
        "livestream": livestream,
        "reason": event.reason,
    }
    if event.meeting_id and event.meeting_created_at:
        created_at = clock.isoformat(event.meeting_created_at)
        facts["meeting"] = {"id": str(event.meeting_id), "title": event.meeting_title, "created_at": created_at}
    return facts


def of_session(event: SessionStatusChanged) -> Facts:
    """Return the same with the session."""
    session = {
        "id": str(event.session_id),
        "status": event.new,
        "created_at": clock.isoformat(event.session_created_at),
        "started_at": _instant(event.started_at),
        "ended_at": _instant(event.stopped_at),
        "end_reason": event.end_reason,
    }
    return {**of_livestream(event), "session": session}


def of_health(event: HealthChanged) -> Facts:
    """Return the same with what is wrong with what its encoder sends."""
    findings = [
        {
            "kind": found.kind,
            "severity": found.severity,
            "value": found.value,
            "unit": found.unit,
            "message": found.message,
            "since": clock.isoformat(found.since),
        }
        for found in event.findings
    ]
    health = {"session_id": str(event.session_id), "status": event.health, "findings": findings}
    return {**of_livestream(event), "health": health}


def of_output(event: OutputEvent) -> Facts:
    """Return the same with the simulcast, without its key."""
    simulcast = {
        "id": str(event.output_id),
        "name": event.output_name,
        "vendor": event.vendor,
        "url": event.uri,
        "is_enabled": event.is_enabled,
    }
    return {**of_livestream(event), "simulcast": simulcast}


def of_meeting(event: MeetingSessionEvent) -> Facts:
    """Return whose meeting it is, and its session."""
    is_over = isinstance(event, MeetingEnded)
    session = {
        "id": str(event.session_id),
        "status": MeetingSessionStatus.ENDED if is_over else MeetingSessionStatus.LIVE,
        "created_at": clock.isoformat(event.started_at),
        "started_at": clock.isoformat(event.started_at),
        "ended_at": clock.isoformat(event.at) if is_over else None,
        "end_reason": event.end_reason if isinstance(event, MeetingEnded) else "",
    }
    return {
        "organization": _organization(event),
        "meeting": {
            "id": str(event.meeting_id),
            "title": event.title,
            "created_at": clock.isoformat(event.created_at),
        },
        "session": session,
        "reason": event.reason,
    }


def of_participant(event: ParticipantEvent) -> Facts:
    """Return the same with who came or went."""
    participant = {
        "id": str(event.participant_id),
        "peer_id": str(event.peer_id),
        "custom_participant_id": event.custom_participant_id,
        "name": event.name,
        "joined_at": clock.isoformat(event.joined_at),
        "left_at": clock.isoformat(event.at) if isinstance(event, ParticipantLeft) else None,
    }
    return {**of_meeting(event), "participant": participant}


def of_recording(event: RecordingEvent) -> Facts:
    """Return what a recording is like after the event; with its meeting, if it has one."""
    recording = {
        "id": str(event.recording_id),
        "livestream_id": str(event.livestream_id) if event.livestream_id else None,
        "meeting_id": str(event.meeting_id) if event.meeting_id else None,
        "session_id": str(event.session_id) if event.session_id else None,
        "name": event.livestream_name,
        "status": event.status,
        "origin": event.origin,
        "output_file_name": event.output_file_name,
        "invoked_at": clock.isoformat(event.invoked_at),
        "started_at": _instant(event.started_at),
        "stopped_at": _instant(event.stopped_at),
        "stop_reason": event.stop_reason,
        "size": event.size,
        "has_file": event.has_file,
        "has_sound_file": event.has_sound_file,
        "duration_us": event.duration_us,
        "is_verified": event.is_verified,
        "gaps": list(event.gaps),
    }
    facts: Facts = {"organization": _organization(event), "recording": recording, "reason": event.reason}
    if event.meeting_id and event.meeting_created_at:
        created_at = clock.isoformat(event.meeting_created_at)
        facts["meeting"] = {"id": str(event.meeting_id), "title": event.meeting_title, "created_at": created_at}
    return facts


def of_clip(event: ClipEvent) -> Facts:
    """Return what a clip is like after the event."""
    clip = {
        "id": str(event.clip_id),
        "livestream_id": str(event.livestream_id) if event.livestream_id else None,
        "session_id": str(event.session_id) if event.session_id else None,
        "recording_id": str(event.recording_id) if event.recording_id else None,
        "title": event.title,
        "status": event.status,
        "starts_at": _instant(event.starts_at),
        "duration_us": event.duration_us,
        "size": event.size,
        "created_at": clock.isoformat(event.created_at),
    }
    return {"organization": _organization(event), "clip": clip, "reason": event.reason}


def of_endpoint(endpoint: Endpoint) -> Facts:
    """Return whose endpoint it is, without its URL, which may have a password of its owner in it."""
    organization = endpoint.app.organization
    return {
        "organization": {"id": str(organization.pk), "name": organization.name},
        "endpoint": {"id": str(endpoint.pk), "name": endpoint.name},
        "reason": endpoint.get_disabled_reason_display(),
    }


def _organization(event: LivestreamEvent | MeetingEvent | RecordingEvent | ClipEvent) -> Facts:
    return {"id": str(event.organization_id), "name": event.organization_name}


def _instant(moment: datetime | None) -> str | None:
    return clock.isoformat(moment) if moment else None
