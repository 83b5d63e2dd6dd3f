"""Bodies as Dyte v2 and RealtimeKit write them, key by key. Source: their lists of webhook events."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from uuid import UUID

from django.conf import settings

from livehub.core import clock
from streams.recordings.links import LINK_S, SOUND_FILE, own_link
from webhooks.payloads.message import JsonObject, Message
from webhooks.payloads.ours import playback_url
from webhooks.states import PayloadFormat

STATUS_UPDATE = "livestreaming.statusUpdate"
# A failed broadcast is over for viewers, and neither vendor has a third word here.
_OVER = {PayloadFormat.DYTE.value: "OFFLINE", PayloadFormat.REALTIMEKIT.value: "IDLE"}
_STOP_REASONS = {
    "api_call": "API_CALL",
    "max_seconds": "API_CALL",
    "broadcast_ended": "ALL_PEERS_LEFT",
    "internal_error": "INTERNAL_ERROR",
}
_END_REASONS = {"host_ended": "HOST_ENDED_MEETING", "everybody_left": "ALL_PARTICIPANTS_LEFT"}


def livestream_status(message: Message, *, stream_key: str | None) -> JsonObject:
    """Return what a livestream has become; only RealtimeKit's has more than that, and so the stream key."""
    facts = message.facts
    body: dict[str, object] = {
        "event": message.name,
        "streamId": facts["livestream"]["id"],
        "status": "LIVE" if message.type == "livestream.live" else _OVER[message.format],
    }
    if message.format == PayloadFormat.REALTIMEKIT:
        body |= {
            # Whoever published: a meeting's own mixer, or an encoder.
            "manualIngest": facts["livestream"]["meeting_id"] is None,
            "playbackUrl": playback_url(facts["livestream"]),
            "ingestServer": settings.INGEST_URL,
            "streamKey": stream_key,
            "meeting": _meeting_of_livestream(facts),
        }
    return body


def _meeting_started(message: Message) -> JsonObject:
    return {"event": message.name, "meeting": _meeting(message.facts)}


def _meeting_ended(message: Message) -> JsonObject:
    """Return that a session is over, and why."""
    reason = _END_REASONS[message.facts["session"]["end_reason"]]
    return {"event": message.name, "meeting": _meeting(message.facts), "reason": reason}


def _participant_moved(message: Message) -> JsonObject:
    """Return who came or went; their own id under the vendors' present name for it and under the earlier one."""
    told = message.facts["participant"]
    participant = {
        "peerId": told["peer_id"],
        "userDisplayName": told["name"],
        "customParticipantId": told["custom_participant_id"],
        "clientSpecificId": told["custom_participant_id"],
        "joinedAt": told["joined_at"],
        **({"leftAt": told["left_at"]} if told["left_at"] else {}),
    }
    return {"event": message.name, "meeting": _meeting(message.facts), "participant": participant}


def _recording_moved(message: Message) -> JsonObject:
    """Return what a recording has become; its link is good for as long as the vendors' are."""
    told = message.facts["recording"]
    expires_at = message.at + timedelta(seconds=LINK_S)
    # Events that were written down before there were such words have none.
    has_file = told.get("has_file", told["status"] == "uploaded")
    has_sound = told.get("has_sound_file", False)
    recording = {
        "id": told["id"],
        "recordingId": told["id"],
        "meetingId": told["meeting_id"],
        "organizationId": message.app_id.hex,
        "status": told["status"].upper(),
        "startedTime": told["started_at"],
        "stoppedTime": told["stopped_at"],
        "roomUUID": told["session_id"],
        "outputFileName": told["output_file_name"],
        "fileSize": told["size"],
        "downloadUrl": own_link(UUID(told["id"]), expires_at=expires_at) if has_file else None,
        "audioDownloadUrl": own_link(UUID(told["id"]), expires_at=expires_at, form=SOUND_FILE) if has_sound else None,
        "downloadUrlExpiry": clock.isoformat(expires_at) if has_file or has_sound else None,
        "recordingDuration": None if told["duration_us"] is None else told["duration_us"] // 1_000_000,
        "stopReason": _STOP_REASONS.get(told["stop_reason"]),
    }
    return {"event": message.name, "recording": recording, "meeting": _meeting_of_livestream(message.facts)}


# Of meetings, by name.
MEETING_BODIES: Mapping[str, Callable[[Message], JsonObject]] = {
    "meeting.started": _meeting_started,
    "meeting.ended": _meeting_ended,
    "meeting.participantJoined": _participant_moved,
    "meeting.participantLeft": _participant_moved,
    "recording.statusUpdate": _recording_moved,
}


def _meeting(facts: JsonObject) -> JsonObject:
    meeting, session = facts["meeting"], facts["session"]
    return {
        "id": meeting["id"],
        "sessionId": session["id"],
        "title": meeting["title"],
        "roomName": meeting["id"],
        # Also at its end, as the vendors have it.
        "status": "LIVE",
        "createdAt": meeting["created_at"],
        "startedAt": session["started_at"],
        **({"endedAt": session["ended_at"]} if session["ended_at"] else {}),
        "organizedBy": _organizer(facts),
    }


def _meeting_of_livestream(facts: JsonObject) -> JsonObject | None:
    meeting = facts.get("meeting")
    if meeting is None:
        return None
    return {
        "id": meeting["id"],
        "title": meeting["title"],
        "createdAt": meeting["created_at"],
        "roomName": meeting["id"],
        "status": "LIVE",
        "organizedBy": _organizer(facts),
    }


def _organizer(facts: JsonObject) -> JsonObject:
    return {"id": UUID(facts["organization"]["id"]).hex, "name": facts["organization"]["name"]}
