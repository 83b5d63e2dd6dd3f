"""Bodies in LiveHub's own shape, which is one for all that happens; under LiveAPI's names with its ids beside ours."""

from uuid import UUID

from django.conf import settings

from livehub.api.identifiers import object_id
from livehub.core import clock
from streams.livestreams import addresses
from streams.recordings.clips.links import watch_url
from webhooks.catalogue import EVENT_NAMES, Family
from webhooks.payloads.message import JsonObject, Message


def entry(message: Message) -> JsonObject:
    """Return the event with what it is about: a livestream, a meeting or an endpoint, and what belongs to it."""
    facts = message.facts
    has_object_ids = EVENT_NAMES[message.name].family == Family.LIVEAPI
    about = {part: write(facts[part]) for part, write in _PARTS.items() if part in facts}
    if has_object_ids:
        about = {part: {"_id": object_id(UUID(written["id"])), **written} for part, written in about.items()}
    changed = {"changed": [_CHANGED[field] for field in facts["changed"]]} if "changed" in facts else {}
    return {
        "id": str(message.event_id),
        "event": message.name,
        "sequence": message.sequence,
        "createdAt": clock.isoformat(message.at),
        "appId": message.app_id.hex,
        "organizationId": UUID(facts["organization"]["id"]).hex,
        **about,
        **changed,
        "reason": facts["reason"] or None,
    }


def _livestream(livestream: JsonObject) -> JsonObject:
    return {
        "id": livestream["id"],
        "name": livestream["name"] or None,
        "status": livestream["status"],
        "disabled": livestream["is_disabled"],
        "playbackUrl": playback_url(livestream),
        "meetingId": livestream["meeting_id"],
        "createdAt": livestream["created_at"],
    }


def playback_url(livestream: JsonObject) -> str:
    """Return where viewers find it."""
    return f"{settings.PUBLIC_URL}{addresses.multivariant_path(livestream['playback_id'])}"


def _meeting(meeting: JsonObject) -> JsonObject:
    return {"id": meeting["id"], "title": meeting["title"] or None, "createdAt": meeting["created_at"]}


def _session(session: JsonObject) -> JsonObject:
    return {
        "id": session["id"],
        "status": session["status"],
        "createdAt": session["created_at"],
        "startedAt": session["started_at"],
        "endedAt": session["ended_at"],
        "endReason": session["end_reason"] or None,
    }


def _participant(participant: JsonObject) -> JsonObject:
    return {
        "id": participant["id"],
        "peerId": participant["peer_id"],
        "name": participant["name"],
        "customParticipantId": participant["custom_participant_id"],
        "joinedAt": participant["joined_at"],
        "leftAt": participant["left_at"],
    }


def _health(health: JsonObject) -> JsonObject:
    return {"sessionId": health["session_id"], "status": health["status"], "findings": health["findings"]}


def _simulcast(simulcast: JsonObject) -> JsonObject:
    return {
        "id": simulcast["id"],
        "name": simulcast["name"] or None,
        "vendor": simulcast["vendor"] or None,
        "url": simulcast["url"],
        "enabled": simulcast["is_enabled"],
    }


def _recording(recording: JsonObject) -> JsonObject:
    return {
        "id": recording["id"],
        "livestreamId": recording["livestream_id"],
        "meetingId": recording["meeting_id"],
        "sessionId": recording["session_id"],
        "status": recording["status"],
        "origin": recording["origin"],
        "outputFileName": recording["output_file_name"],
        "invokedAt": recording["invoked_at"],
        "startedAt": recording["started_at"],
        "stoppedAt": recording["stopped_at"],
        "stopReason": recording["stop_reason"] or None,
        "size": recording["size"],
        "durationUs": recording["duration_us"],
        "verified": recording["is_verified"],
        "gaps": recording["gaps"],
    }


def _clip(clip: JsonObject) -> JsonObject:
    return {
        "id": clip["id"],
        "livestreamId": clip["livestream_id"],
        "sessionId": clip["session_id"],
        "recordingId": clip["recording_id"],
        "title": clip["title"] or None,
        "status": clip["status"],
        "startsAt": clip["starts_at"],
        "durationUs": clip["duration_us"],
        "size": clip["size"],
        "watchUrl": watch_url(UUID(clip["id"])),
        "createdAt": clip["created_at"],
    }


def _endpoint(endpoint: JsonObject) -> JsonObject:
    return {"id": endpoint["id"], "name": endpoint["name"]}


# What `changed` calls the fields of a livestream.
_CHANGED = {
    "name": "name",
    "disabled": "disabled",
    "stream_key": "streamKey",
    "reconnect_window_s": "reconnectWindow",
    "while_away": "whileAway",
    "slate_picture": "slatePicture",
    "duplicate_publisher": "duplicatePublisher",
    "end_hold_s": "endHold",
    # What it was called before it was the window.
    "idle_timeout_s": "idleTimeout",
    "max_runtime_s": "maxRuntime",
    "latency_mode": "latencyMode",
    "dvr_window_s": "dvrWindow",
    "playback_policy": "playbackPolicy",
    "allowed_origins": "allowedOrigins",
    "max_viewers": "maxViewers",
    "activated_at": "activated",
    "held_until": "heldOff",
    "stopped_at": "stopped",
    "pull": "pull",
}
# In the order of a body.
_PARTS = {
    "livestream": _livestream,
    "meeting": _meeting,
    "session": _session,
    "participant": _participant,
    "simulcast": _simulcast,
    "health": _health,
    "recording": _recording,
    "clip": _clip,
    "endpoint": _endpoint,
}
