"""What happened in meetings, on the wire; written out as the others are."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import ClassVar

from rest_framework import serializers

from livehub.api.dialect import JsonObject
from livehub.api.fields import InstantField
from livehub.core import clock
from streams.livestreams.api.serializers import LivestreamSerializer, SessionSerializer
from streams.meetings.api.room_input import SESSION_STATUSES
from streams.meetings.models import MeetingSession, Peer, Poll, SessionParticipant

_MINUTE = timedelta(minutes=1)


class MeetingSessionSerializer(serializers.Serializer[MeetingSession]):
    """One session of a meeting. Source: RealtimeKit, GET /sessions; its organization_id is the app's."""

    examples: ClassVar[Mapping[str, object]] = {
        "meeting_display_name": "Backend standup",
        "type": "meeting",
        "live_participants": 3,
        "max_concurrent_participants": 5,
        "minutes_consumed": 42.5,
        "ended_at": None,
    }

    id = serializers.UUIDField()
    associated_id = serializers.UUIDField(help_text="The meeting's.")
    organization_id = serializers.UUIDField(help_text="The app's.")
    meeting_display_name = serializers.CharField()
    type = serializers.ChoiceField(choices=["meeting"])
    status = serializers.ChoiceField(choices=SESSION_STATUSES)
    live_participants = serializers.IntegerField()
    max_concurrent_participants = serializers.IntegerField()
    minutes_consumed = serializers.FloatField(help_text="Of all participants together, until now.")
    started_at = InstantField()
    ended_at = InstantField(allow_null=True)
    created_at = InstantField()
    updated_at = InstantField()

    def to_representation(self, session: MeetingSession) -> JsonObject:
        return {
            "id": str(session.pk),
            "associated_id": str(session.meeting_id),
            "organization_id": str(session.app_id),
            "meeting_display_name": session.meeting.title,
            "type": "meeting",
            "status": session.status.upper(),
            "live_participants": session.live_participants,
            "max_concurrent_participants": session.max_concurrent_participants,
            "minutes_consumed": _minutes(session.consumed_now),
            "started_at": clock.isoformat(session.created_at),
            "ended_at": _instant(session.ended_at),
            "created_at": clock.isoformat(session.created_at),
            "updated_at": clock.isoformat(session.updated_at),
        }


class DyteSessionDetailSerializer(serializers.Serializer[MeetingSession]):
    """A session as a member of its own. Source: Dyte v2, GET /sessions/{id}."""

    session = MeetingSessionSerializer()

    def to_representation(self, session: MeetingSession) -> JsonObject:
        return {"session": MeetingSessionSerializer(context=self.context).to_representation(session)}


class PeerEventSerializer(serializers.Serializer[None]):
    """A connection came or went."""

    id = serializers.UUIDField()
    event_name = serializers.ChoiceField(choices=["PEER_CREATED", "PEER_JOINING", "PEER_LEAVING"])
    peer_id = serializers.UUIDField()
    participant_id = serializers.UUIDField()
    session_id = serializers.UUIDField()
    preset_view_type = serializers.CharField()
    created_at = InstantField()
    updated_at = InstantField()


class SessionParticipantSerializer(serializers.Serializer[SessionParticipant]):
    """A participant in a session; with `peer_events` when these are asked for."""

    examples: ClassVar[Mapping[str, object]] = {
        "custom_participant_id": "employee-7",
        "display_name": "Mary Sue",
        "preset_name": "group_call_host",
        "duration": 12.5,
        "left_at": None,
    }

    id = serializers.UUIDField(help_text="Of this stay.")
    user_id = serializers.UUIDField(help_text="Of the participant.")
    custom_participant_id = serializers.CharField()
    display_name = serializers.CharField()
    preset_name = serializers.CharField()
    duration = serializers.FloatField(help_text="Minutes, over all connections, until now.")
    joined_at = InstantField()
    left_at = InstantField(allow_null=True)
    created_at = InstantField()
    updated_at = InstantField()
    peer_events = PeerEventSerializer(many=True, required=False)

    def to_representation(self, stay: SessionParticipant) -> JsonObject:
        participant = stay.participant
        events = {"peer_events": _peer_events(stay)} if self.context["shows_peer_events"] else {}
        return {
            "id": str(stay.pk),
            "user_id": str(stay.participant_id),
            "custom_participant_id": participant.custom_participant_id,
            "display_name": participant.name,
            "preset_name": participant.preset.name,
            "duration": _minutes(stay.duration_now),
            "joined_at": clock.isoformat(stay.joined_at),
            "left_at": _instant(stay.left_at),
            "created_at": clock.isoformat(stay.created_at),
            "updated_at": clock.isoformat(stay.updated_at),
            **events,
        }


class StayAnswerSerializer(serializers.Serializer[SessionParticipant]):
    participant = SessionParticipantSerializer()

    def to_representation(self, stay: SessionParticipant) -> JsonObject:
        return {"participant": SessionParticipantSerializer(context=self.context).to_representation(stay)}


class TouchedParticipantSerializer(serializers.Serializer[SessionParticipant]):
    """Whom a host has done something to."""

    examples: ClassVar[Mapping[str, object]] = {"name": "Mary Sue", "picture": None}

    id = serializers.UUIDField(help_text="Of the stay in the session.")
    name = serializers.CharField(read_only=True, allow_null=True)
    picture = serializers.CharField(read_only=True, allow_null=True)
    participant_id = serializers.UUIDField()
    custom_participant_id = serializers.CharField()
    created_at = InstantField()
    updated_at = InstantField()

    def to_representation(self, stay: SessionParticipant) -> JsonObject:
        return {
            "id": str(stay.pk),
            "name": stay.participant.name or None,
            "picture": stay.participant.picture or None,
            "participant_id": str(stay.participant_id),
            "custom_participant_id": stay.participant.custom_participant_id,
            "created_at": clock.isoformat(stay.created_at),
            "updated_at": clock.isoformat(stay.updated_at),
        }


class TouchedSerializer(serializers.Serializer[None]):
    """What was done, and to whom."""

    examples: ClassVar[Mapping[str, object]] = {"action": "kick"}

    action = serializers.CharField()
    participants = TouchedParticipantSerializer(many=True)


class KickedAllSerializer(serializers.Serializer[None]):
    examples: ClassVar[Mapping[str, object]] = {"action": "kick-all", "kicked_participants_count": 3}

    action = serializers.CharField()
    kicked_participants_count = serializers.IntegerField()


class MutedAllSerializer(serializers.Serializer[None]):
    examples: ClassVar[Mapping[str, object]] = {"action": "mute-all", "muted_participants_count": 3}

    action = serializers.CharField()
    muted_participants_count = serializers.IntegerField()


class PollVoteSerializer(serializers.Serializer[None]):
    id = serializers.UUIDField()
    name = serializers.CharField()


class PollOptionSerializer(serializers.Serializer[None]):
    text = serializers.CharField()
    count = serializers.IntegerField()
    votes = PollVoteSerializer(many=True)


class PollSerializer(serializers.Serializer[Poll]):
    """What everybody is asked; nobody has voted yet."""

    examples: ClassVar[Mapping[str, object]] = {"question": "Lunch?"}

    id = serializers.UUIDField()
    question = serializers.CharField()
    options = PollOptionSerializer(many=True)
    anonymous = serializers.BooleanField()
    hide_votes = serializers.BooleanField()
    voted = serializers.ListField(child=serializers.UUIDField())

    def to_representation(self, poll: Poll) -> JsonObject:
        return {
            "id": str(poll.pk),
            "question": poll.question,
            "options": [{"text": text, "count": 0, "votes": []} for text in poll.options],
            "anonymous": poll.is_anonymous,
            "hide_votes": poll.hides_votes,
            "voted": [],
        }


class PollAnswerSerializer(serializers.Serializer[None]):
    examples: ClassVar[Mapping[str, object]] = {"action": "poll"}

    action = serializers.CharField()
    poll = PollSerializer()


class MeetingLivestreamsSerializer(serializers.Serializer[None]):
    """The livestreams of a meeting, and the newest broadcast of each."""

    livestreams = LivestreamSerializer(many=True)
    sessions = SessionSerializer(many=True)


def _peer_events(stay: SessionParticipant) -> list[JsonObject]:
    peers = sorted(stay.peers.all(), key=lambda peer: peer.joined_at)
    return [event for peer in peers for event in _events_of(peer, stay=stay)]


def _events_of(peer: Peer, *, stay: SessionParticipant) -> list[JsonObject]:
    moments = [("PEER_CREATED", peer.joined_at), ("PEER_JOINING", peer.joined_at), ("PEER_LEAVING", peer.left_at)]
    return [_event(name, at, peer=peer, stay=stay) for name, at in moments if at is not None]


def _event(name: str, at: datetime, *, peer: Peer, stay: SessionParticipant) -> JsonObject:
    return {
        # It follows from what it is the event of: the same whenever it is asked for.
        "id": str(uuid.uuid5(peer.pk, name)),
        "event_name": name,
        "peer_id": str(peer.pk),
        "participant_id": str(stay.participant_id),
        "session_id": str(stay.session_id),
        "preset_view_type": stay.participant.preset.config["view_type"],
        "created_at": clock.isoformat(at),
        "updated_at": clock.isoformat(at),
    }


def _minutes(time: timedelta) -> float:
    return round(time / _MINUTE, 2)


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else clock.isoformat(moment)
