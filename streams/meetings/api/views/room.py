"""The session of a meeting that is going on, and what a host does in it."""

from collections.abc import Sequence
from typing import cast

from rest_framework.request import Request
from rest_framework.response import Response

from livehub.api.identifiers import find_uuid
from livehub.api.operations import Answer, operation
from streams.meetings import room, selectors
from streams.meetings.api.room_input import ChosenBody, MuteAllBody, PollBody
from streams.meetings.api.session_serializers import (
    KickedAllSerializer,
    MeetingSessionSerializer,
    MutedAllSerializer,
    PollAnswerSerializer,
    PollSerializer,
    TouchedParticipantSerializer,
    TouchedSerializer,
)
from streams.meetings.api.views.base import MeetingApi
from streams.meetings.models import SessionParticipant
from streams.meetings.room import Chosen


class RoomApi(MeetingApi):
    tag = "Active session"

    def read_chosen(self) -> Chosen:
        asked = self.read_body(ChosenBody)
        ours = cast(Sequence[str], asked.get("participant_ids", ()))
        theirs = cast(Sequence[str], asked.get("custom_participant_ids", ()))
        # What is no id is nobody's.
        return Chosen([found for found in map(find_uuid, ours) if found], theirs)

    def answer_touched(self, action: str, touched: Sequence[SessionParticipant]) -> Response:
        shape = TouchedParticipantSerializer()
        return self.answer({"action": action, "participants": [shape.to_representation(each) for each in touched]})


class MeetingActiveSessionView(RoomApi):
    """/meetings/{meeting_id}/active-session"""

    @operation(
        "get_meeting_active_session",
        "Get the session of the meeting that is going on",
        answer=Answer(MeetingSessionSerializer),
    )
    def get(self, request: Request, meeting_id: str, **path: str) -> Response:
        session = selectors.get_active_session(self.get_meeting(meeting_id))
        return self.answer(MeetingSessionSerializer().to_representation(session))


class KickView(RoomApi):
    """/meetings/{meeting_id}/active-session/kick"""

    @operation(
        "kick_participants",
        "Take participants out of the session; they may come again",
        body=ChosenBody,
        answer=Answer(TouchedSerializer),
    )
    def post(self, request: Request, meeting_id: str, **path: str) -> Response:
        meeting = self.get_meeting(meeting_id)
        gone = room.kick(meeting=meeting, chosen=self.read_chosen(), actor=self.caller.actor)
        return self.answer_touched("kick", gone)


class KickAllView(RoomApi):
    """/meetings/{meeting_id}/active-session/kick-all"""

    @operation("kick_all_participants", "End the session for everybody", answer=Answer(KickedAllSerializer))
    def post(self, request: Request, meeting_id: str, **path: str) -> Response:
        kicked = room.kick_all(meeting=self.get_meeting(meeting_id), actor=self.caller.actor)
        return self.answer({"action": "kick-all", "kicked_participants_count": kicked})


class MuteView(RoomApi):
    """/meetings/{meeting_id}/active-session/mute"""

    @operation(
        "mute_participants",
        "Mute participants; they may unmute themselves",
        body=ChosenBody,
        answer=Answer(TouchedSerializer),
    )
    def post(self, request: Request, meeting_id: str, **path: str) -> Response:
        meeting = self.get_meeting(meeting_id)
        muted = room.mute(meeting=meeting, chosen=self.read_chosen(), actor=self.caller.actor)
        return self.answer_touched("mute", muted)


class MuteAllView(RoomApi):
    """/meetings/{meeting_id}/active-session/mute-all"""

    @operation("mute_all_participants", "Mute everybody", body=MuteAllBody, answer=Answer(MutedAllSerializer))
    def post(self, request: Request, meeting_id: str, **path: str) -> Response:
        meeting = self.get_meeting(meeting_id)
        allows_unmute = bool(self.read_body(MuteAllBody).get("allow_unmute", True))
        muted = room.mute_all(meeting=meeting, allows_unmute=allows_unmute, actor=self.caller.actor)
        return self.answer({"action": "mute-all", "muted_participants_count": muted})


class PollView(RoomApi):
    """/meetings/{meeting_id}/active-session/poll"""

    @operation("create_poll", "Ask everybody", body=PollBody, answer=Answer(PollAnswerSerializer, status=201))
    def post(self, request: Request, meeting_id: str, **path: str) -> Response:
        meeting = self.get_meeting(meeting_id)
        asked = self.read_body(PollBody)
        poll = room.create_poll(
            meeting=meeting,
            question=str(asked["question"]),
            options=cast(list[str], asked["options"]),
            is_anonymous=bool(asked.get("anonymous", False)),
            hides_votes=bool(asked.get("hide_votes", False)),
            actor=self.caller.actor,
        )
        return self.answer({"action": "poll", "poll": PollSerializer().to_representation(poll)}, status=201)
