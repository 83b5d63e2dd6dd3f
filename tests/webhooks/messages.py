"""What might have happened: a message of each event that goes out, always the same; docs/webhooks.md shows them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from webhooks.catalogue import EVENT_NAMES
from webhooks.payloads import Message

_APP_ID = UUID("2f6b4c1e-8d3a-4b7f-9c55-1a2e3d4c5b6f")
_LIVESTREAM_ID = "621c8dda-6eba-4022-b13e-e8701a2b3c4d"
_MEETING_ID = "d9fc4d6a-a5a0-4430-9a73-d4ba14e597f9"
_ENDPOINT_ID = "0d1f069d-43bb-489a-8d8c-7eb95592ba8e"
_ORGANIZATION = {"id": "70c5d391-4bac-4cf3-9907-bec205798adb", "name": "Northwind Events"}
_BEGAN_AT = "2026-11-21T20:00:00.000Z"
_LIVE_AT = "2026-11-21T20:00:04.250Z"
_DROPPED_AT = "2026-11-21T20:45:10.500Z"
_OVER_AT = "2026-11-21T21:30:00.000Z"
_LIVESTREAM: dict[str, Any] = {
    "id": _LIVESTREAM_ID,
    "name": "Autumn keynote",
    "status": "idle",
    "is_disabled": False,
    "playback_id": "pb_4f0c9e1b7a2d4f0c9e1b",
    "meeting_id": None,
    "created_at": "2026-11-20T09:15:00.000Z",
}
_SESSION: dict[str, Any] = {
    "id": "5c0e1f9a-3b7d-4f42-8a66-0b9d7e2c4f18",
    "status": "connecting",
    "created_at": _BEGAN_AT,
    "started_at": None,
    "ended_at": None,
    "end_reason": "",
}
_LIVE_SESSION = {**_SESSION, "status": "live", "started_at": _LIVE_AT}
_SIMULCAST = {
    "id": "6226ce84-31dd-4eb3-b54a-a2491f0e8d7c",
    "name": "Partner site",
    "vendor": "",
    "url": "rtmp://a.rtmp.example.com/live2",
    "is_enabled": True,
}
_CLIP: dict[str, Any] = {
    "id": "b41a2c6e-0d57-4f9a-8c3e-5e1f7a9d2b60",
    "livestream_id": _LIVESTREAM["id"],
    "session_id": _SESSION["id"],
    "recording_id": None,
    "title": "The opening",
    "starts_at": _LIVE_AT,
    "duration_us": 30_000_000,
    "size": 11_812_004,
    "created_at": _OVER_AT,
}
_RECORDING: dict[str, Any] = {
    "id": "8d2f6a10-94c7-4b3e-a5d1-3f7e9c0b2a64",
    "livestream_id": _LIVESTREAM["id"],
    "meeting_id": None,
    "session_id": _SESSION["id"],
    "name": "Autumn keynote",
    "origin": "automatic",
    "output_file_name": f"{_LIVESTREAM['id']}_1795291204250.mp4",
    "invoked_at": _BEGAN_AT,
    "started_at": None,
    "stopped_at": None,
    "stop_reason": "",
    "size": None,
    "duration_us": None,
    "is_verified": False,
    "gaps": [],
}
_MEETING = {"id": _MEETING_ID, "title": "Backend standup", "created_at": "2026-11-21T08:00:00.000Z"}
_MEETING_SESSION: dict[str, Any] = {
    "id": "05e57591-d89e-45c9-ae44-08dc1eaad0e0",
    "status": "live",
    "created_at": _BEGAN_AT,
    "started_at": _BEGAN_AT,
    "ended_at": None,
    "end_reason": "",
}
_PARTICIPANT: dict[str, Any] = {
    "id": "3a1b2c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d",
    "peer_id": "e32fb785-ddd0-4b96-b577-879327c0082f",
    "custom_participant_id": "employee-7",
    "name": "Mary Sue",
    "joined_at": _LIVE_AT,
    "left_at": None,
}

# By type: what was written down beside the organization, its sequence, and when it was.
_HAPPENED: dict[str, tuple[dict[str, Any], int, str]] = {
    "livestream.created": ({"livestream": _LIVESTREAM}, 1, "2026-11-20T09:15:00.000Z"),
    "livestream.updated": (
        {"livestream": {**_LIVESTREAM, "is_disabled": True}, "changed": ["name", "disabled"]},
        2,
        "2026-11-20T09:16:30.000Z",
    ),
    "livestream.deleted": ({"livestream": _LIVESTREAM}, 9, "2026-11-22T07:00:00.000Z"),
    "livestream.connected": (
        {
            "livestream": {**_LIVESTREAM, "status": "connecting"},
            "session": _SESSION,
            "reason": "Encoder connected",
        },
        3,
        _BEGAN_AT,
    ),
    "livestream.standby": (
        {
            "livestream": {**_LIVESTREAM, "status": "standby"},
            "session": {**_SESSION, "status": "standby"},
            "reason": "Started with the slate; the encoder is waited for 15 minutes",
        },
        3,
        _BEGAN_AT,
    ),
    "livestream.live": (
        {"livestream": {**_LIVESTREAM, "status": "live"}, "session": _LIVE_SESSION, "reason": "Viewers can watch"},
        4,
        _LIVE_AT,
    ),
    "livestream.reconnecting": (
        {
            "livestream": {**_LIVESTREAM, "status": "reconnecting"},
            "session": {**_LIVE_SESSION, "status": "reconnecting"},
            "reason": "Encoder stopped; it is waited for 1 minute",
        },
        5,
        _DROPPED_AT,
    ),
    "livestream.ended": (
        {
            "livestream": _LIVESTREAM,
            "session": {**_LIVE_SESSION, "status": "ended", "ended_at": _OVER_AT, "end_reason": "encoder_stopped"},
            "reason": "Encoder stopped",
        },
        5,
        _OVER_AT,
    ),
    "livestream.errored": (
        {
            "livestream": {**_LIVESTREAM, "status": "errored"},
            "session": {**_SESSION, "status": "errored", "ended_at": _LIVE_AT, "end_reason": "source_refused"},
            "reason": "The encoder sends VP9 video. Choose H.264.",
        },
        4,
        _LIVE_AT,
    ),
    "livestream.health_changed": (
        {
            "livestream": {**_LIVESTREAM, "status": "live"},
            "health": {
                "session_id": _SESSION["id"],
                "status": "ok",
                "findings": [
                    {
                        "kind": "keyframe_interval",
                        "severity": "warning",
                        "value": 8.3,
                        "unit": "s",
                        "message": "Key frames come only every 8.3 s, so viewers wait longer for the picture.",
                        "since": "2026-11-21T20:45:02.000Z",
                    }
                ],
            },
        },
        5,
        _DROPPED_AT,
    ),
    "livestream.simulcast_added": (
        {"livestream": _LIVESTREAM, "simulcast": _SIMULCAST},
        2,
        "2026-11-20T09:20:00.000Z",
    ),
    "livestream.simulcast_removed": (
        {"livestream": _LIVESTREAM, "simulcast": _SIMULCAST},
        6,
        "2026-11-22T06:45:00.000Z",
    ),
    "livestream.simulcast_connected": (
        {"livestream": {**_LIVESTREAM, "status": "live"}, "simulcast": _SIMULCAST},
        5,
        "2026-11-21T20:00:05.100Z",
    ),
    "livestream.simulcast_disconnected": (
        {
            "livestream": {**_LIVESTREAM, "status": "live"},
            "simulcast": _SIMULCAST,
            "reason": "The server takes nothing any more.",
        },
        6,
        "2026-11-21T20:31:40.000Z",
    ),
    **{
        f"recording.{verb}": ({"recording": {**_RECORDING, "status": status}}, sequence, _BEGAN_AT)
        for sequence, (verb, status) in enumerate(
            [
                ("invoked", "invoked"),
                ("started", "recording"),
                ("paused", "paused"),
                ("stopped", "uploading"),
                ("stored", "uploaded"),
                ("failed", "errored"),
                ("deleted", "uploaded"),
            ],
            start=1,
        )
    },
    **{
        f"clip.{verb}": ({"clip": {**_CLIP, "status": status}}, sequence, _OVER_AT)
        for sequence, (verb, status) in enumerate(
            [("created", "making"), ("ready", "ready"), ("failed", "failed"), ("deleted", "ready")], start=1
        )
    },
    "endpoint.disabled": (
        {
            "endpoint": {"id": _ENDPOINT_ID, "name": "Attendance"},
            "reason": "No delivery succeeded for 5 days",
        },
        1,
        "2026-11-22T03:00:00.000Z",
    ),
    "meeting.started": ({"meeting": _MEETING, "session": _MEETING_SESSION}, 1, _BEGAN_AT),
    "meeting.participantJoined": (
        {"meeting": _MEETING, "session": _MEETING_SESSION, "participant": _PARTICIPANT},
        2,
        _LIVE_AT,
    ),
    "meeting.participantLeft": (
        {
            "meeting": _MEETING,
            "session": _MEETING_SESSION,
            "participant": {**_PARTICIPANT, "left_at": _OVER_AT},
            "reason": "Left",
        },
        3,
        _OVER_AT,
    ),
    "meeting.ended": (
        {
            "meeting": _MEETING,
            "session": {
                **_MEETING_SESSION,
                "status": "ended",
                "ended_at": _OVER_AT,
                "end_reason": "everybody_left",
            },
            "reason": "Everybody left",
        },
        4,
        _OVER_AT,
    ),
}


def message(name: str, *, type: str = "", format: str = "dyte", **facts: object) -> Message:
    """Return what goes out under the name for an event of the type, or of the first of the name's, and these facts."""
    type = type or EVENT_NAMES[name].types[0]
    happened, sequence, at = _HAPPENED[type]
    subject_type = type.partition(".")[0]
    ids = {
        "livestream": _LIVESTREAM_ID,
        "meeting": _MEETING_ID,
        "recording": _RECORDING["id"],
        "clip": _CLIP["id"],
        "endpoint": _ENDPOINT_ID,
    }
    return Message(
        event_id=UUID("019aa8f2-5b3c-7d1e-8f4a-6c2b9e0d7a13"),
        app_id=_APP_ID,
        type=type,
        name=name,
        format=format,
        subject_type=subject_type,
        subject_id=UUID(ids[subject_type]),
        sequence=sequence,
        at=datetime.fromisoformat(at).astimezone(UTC),
        facts={"organization": _ORGANIZATION, "reason": "", **happened, **facts},
    )
