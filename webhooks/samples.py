"""What might have happened: the facts of an event of each type, for tries."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from streams.models import Organization

_Facts = dict[str, Any]

# Ids that nothing has.
_LIVESTREAM_ID, _SESSION_ID, _MEETING_ID, _MEETING_SESSION_ID, _PARTICIPANT_ID, _PEER_ID, _OUTPUT_ID, _ENDPOINT_ID = (
    str(UUID(int=number, version=4)) for number in range(1, 9)
)
_RECORDING_ID, _CLIP_ID = (str(UUID(int=number, version=4)) for number in (9, 10))
_BEGAN_AT, _JOINED_AT, _OVER_AT = "2026-11-21T20:00:00.000Z", "2026-11-21T20:00:04.250Z", "2026-11-21T21:30:00.000Z"
# By the type's last word: what the livestream has become, and its broadcast.
_STATUSES = {
    "connected": ("connecting", "connecting"),
    "standby": ("standby", "standby"),
    "live": ("live", "live"),
    "reconnecting": ("reconnecting", "reconnecting"),
    "ended": ("idle", "ended"),
    "errored": ("errored", "errored"),
}
_REASONS = {
    "standby": "Started with the slate; the encoder is waited for 15 minutes",
    "reconnecting": "Encoder stopped; it is waited for 1 minute",
    "ended": "The encoder stopped.",
    "errored": "The encoder sent no video.",
    "simulcast_disconnected": "The server takes nothing any more.",
    "disabled": "410 Gone",
}


def facts_of(event_type: str, *, organization: Organization) -> Mapping[str, Any]:
    """Return the facts of an event that never happened; what it is about does not exist.

    :raises KeyError: when nothing happens yet that the type tells of.
    """
    noun, _, verb = event_type.partition(".")
    about = _ABOUT[noun](verb)
    return {
        "organization": {"id": str(organization.pk), "name": organization.name},
        "reason": _REASONS.get(verb, ""),
        **about,
    }


def _about_livestream(verb: str) -> _Facts:
    status, session_status = _STATUSES.get(verb, ("idle", ""))
    about: _Facts = {"livestream": _livestream(status)}
    if session_status:
        about["session"] = _session(session_status)
    if verb == "updated":
        about["changed"] = ["name"]
    if verb == "health_changed":
        about["health"] = _health()
    if verb.startswith("simulcast"):
        about["simulcast"] = _simulcast()
    return about


def _health() -> _Facts:
    finding = {
        "kind": "keyframe_interval",
        "severity": "warning",
        "value": 8.3,
        "unit": "s",
        "message": "Key frames come only every 8.3 s, so viewers wait longer for the picture.",
        "since": _JOINED_AT,
    }
    return {"session_id": _SESSION_ID, "status": "ok", "findings": [finding]}


def _about_meeting(verb: str) -> _Facts:
    is_over = verb == "ended"
    about: _Facts = {"meeting": _meeting(), "session": _meeting_session(is_over=is_over)}
    if verb.startswith("participant"):
        about["participant"] = _participant(has_left=verb == "participantLeft")
    return about


def _about_endpoint(verb: str) -> _Facts:
    return {"endpoint": {"id": _ENDPOINT_ID, "name": "Attendance"}}


def _about_recording(verb: str) -> _Facts:
    return {"recording": _recording(_RECORDING_STATUSES[verb])}


def _about_clip(verb: str) -> _Facts:
    return {"clip": _clip(_CLIP_STATUSES[verb])}


_ABOUT = {
    "clip": _about_clip,
    "livestream": _about_livestream,
    "recording": _about_recording,
    "meeting": _about_meeting,
    "endpoint": _about_endpoint,
}
# By the type's last word.
_RECORDING_STATUSES = {
    "invoked": "invoked",
    "started": "recording",
    "paused": "paused",
    "stopped": "uploading",
    "stored": "uploaded",
    "failed": "errored",
    "deleted": "uploaded",
}


_CLIP_STATUSES = {"created": "making", "ready": "ready", "failed": "failed", "deleted": "ready"}


def _livestream(status: str) -> _Facts:
    return {
        "id": _LIVESTREAM_ID,
        "name": "Autumn keynote",
        "status": status,
        "is_disabled": False,
        "playback_id": "4f0c9e1b7a2d",
        "meeting_id": None,
        "created_at": _BEGAN_AT,
    }


def _session(status: str) -> _Facts:
    has_started, is_over = status not in {"connecting", "standby"}, status in {"ended", "errored"}
    return {
        "id": _SESSION_ID,
        "status": status,
        "created_at": _BEGAN_AT,
        "started_at": _JOINED_AT if has_started else None,
        "ended_at": _OVER_AT if is_over else None,
        "end_reason": {"ended": "encoder_stopped", "errored": "source_refused"}.get(status, ""),
    }


def _recording(status: str) -> _Facts:
    has_begun, is_over = status not in {"invoked", "errored"}, status in {"uploading", "uploaded", "errored"}
    is_stored = status == "uploaded"
    return {
        "id": _RECORDING_ID,
        "livestream_id": _LIVESTREAM_ID,
        "meeting_id": None,
        "session_id": _SESSION_ID,
        "name": "Autumn keynote",
        "status": status,
        "origin": "automatic",
        "output_file_name": f"{_LIVESTREAM_ID}_1795291200000.mp4",
        "invoked_at": _BEGAN_AT,
        "started_at": _JOINED_AT if has_begun else None,
        "stopped_at": _OVER_AT if is_over else None,
        "stop_reason": "broadcast_ended" if is_over else "",
        "size": 84_213_377 if is_stored else None,
        "has_file": is_stored,
        "has_sound_file": False,
        "duration_us": 214_500_000 if is_stored else None,
        "is_verified": is_stored,
        "gaps": [],
    }


def _clip(status: str) -> _Facts:
    is_there = status != "failed"
    return {
        "id": _CLIP_ID,
        "livestream_id": _LIVESTREAM_ID,
        "session_id": _SESSION_ID,
        "recording_id": None,
        "title": "The opening",
        "status": status,
        "starts_at": _JOINED_AT if is_there else None,
        "duration_us": 30_000_000 if is_there else None,
        "size": 11_812_004 if is_there else None,
        "created_at": _OVER_AT,
    }


def _simulcast() -> _Facts:
    url = "rtmp://a.rtmp.example.com/live2"
    return {"id": _OUTPUT_ID, "name": "Partner site", "vendor": "", "url": url, "is_enabled": True}


def _meeting() -> _Facts:
    return {"id": _MEETING_ID, "title": "Backend standup", "created_at": _BEGAN_AT}


def _meeting_session(*, is_over: bool) -> _Facts:
    return {
        "id": _MEETING_SESSION_ID,
        "status": "ended" if is_over else "live",
        "created_at": _BEGAN_AT,
        "started_at": _BEGAN_AT,
        "ended_at": _OVER_AT if is_over else None,
        "end_reason": "host_ended" if is_over else "",
    }


def _participant(*, has_left: bool) -> _Facts:
    return {
        "id": _PARTICIPANT_ID,
        "peer_id": _PEER_ID,
        "name": "Mary Sue",
        "custom_participant_id": "employee-7",
        "joined_at": _JOINED_AT,
        "left_at": _OVER_AT if has_left else None,
    }
