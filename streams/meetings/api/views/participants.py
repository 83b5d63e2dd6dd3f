"""Who may join a meeting."""

from typing import cast

from rest_framework.request import Request
from rest_framework.response import Response

from livehub.api.identifiers import get_uuid
from livehub.api.operations import Answer, operation
from livehub.api.paging import PageNumbers, PageQuery, take_page
from streams.meetings import selectors
from streams.meetings.api.room_input import ParticipantChangeBody, TokenBody
from streams.meetings.api.serializers import DeletedParticipantSerializer, MeetingShapes, TokenSerializer
from streams.meetings.api.views.base import MeetingApi
from streams.meetings.models import Participant
from streams.meetings.services import participants
from streams.meetings.services.participants import ParticipantValues


def _with_token(shapes: MeetingShapes) -> type:
    return shapes.participant_with_token


def _without_token(shapes: MeetingShapes) -> type:
    return shapes.participant


class ParticipantApi(MeetingApi):
    tag = "Participants"

    def get_participant(self, meeting_id: str, participant_id: str) -> Participant:
        meeting = self.get_meeting(meeting_id)
        wanted = get_uuid(participant_id, noun="participant")
        return selectors.get_participant(meeting=meeting, participant_id=wanted)

    def answer_with_token(self, participant: Participant, token: str, *, status: int = 200) -> Response:
        shape = self.shapes.participant_with_token(context={"token": token})
        return self.answer(shape.to_representation(participant), status=status)


class ParticipantsView(ParticipantApi):
    """/meetings/{meeting_id}/participants"""

    @operation(
        "add_participant",
        "Let somebody join the meeting",
        body=lambda shapes: shapes.participant_body,
        answer=Answer(_with_token, status=201),
    )
    def post(self, request: Request, meeting_id: str, **path: str) -> Response:
        meeting = self.get_meeting(meeting_id)
        values = cast(ParticipantValues, self.read_body(self.shapes.participant_body))
        added = participants.add_participant(meeting=meeting, values=values, actor=self.caller.actor)
        return self.answer_with_token(*added, status=201)

    @operation(
        "list_participants",
        "List who may join the meeting, newest first",
        query=PageQuery,
        answer=Answer(_without_token, is_list=True),
    )
    def get(self, request: Request, meeting_id: str, **path: str) -> Response:
        wanted = cast(PageNumbers, self.read_query(PageQuery))
        rows = selectors.list_participants(self.get_meeting(meeting_id))
        page = take_page(rows, wanted=wanted, count=rows.count)
        shape = self.shapes.participant()
        return self.answer_list([shape.to_representation(row) for row in page.items], page=page)


class ParticipantView(ParticipantApi):
    """/meetings/{meeting_id}/participants/{participant_id}"""

    @operation("get_participant", "Get a participant", answer=Answer(_without_token))
    def get(self, request: Request, meeting_id: str, participant_id: str, **path: str) -> Response:
        participant = self.get_participant(meeting_id, participant_id)
        return self.answer(self.shapes.participant().to_representation(participant))

    @operation(
        "change_participant",
        "Change a participant; tokens made before stay good",
        body=ParticipantChangeBody,
        answer=Answer(_with_token),
    )
    def patch(self, request: Request, meeting_id: str, participant_id: str, **path: str) -> Response:
        participant = self.get_participant(meeting_id, participant_id)
        changes = cast(ParticipantValues, self.read_body(ParticipantChangeBody))
        changed = participants.change_participant(participant=participant, changes=changes, actor=self.caller.actor)
        return self.answer_with_token(*changed)

    @operation(
        "delete_participant",
        "Let somebody join no more; one who is in the meeting is taken out",
        answer=Answer(DeletedParticipantSerializer),
    )
    def delete(self, request: Request, meeting_id: str, participant_id: str, **path: str) -> Response:
        participant = self.get_participant(meeting_id, participant_id)
        gone = participants.delete_participant(participant=participant, actor=self.caller.actor)
        return self.answer(DeletedParticipantSerializer().to_representation(gone))


class ParticipantTokenView(ParticipantApi):
    """/meetings/{meeting_id}/participants/{participant_id}/token"""

    @operation("renew_participant_token", "Make a new token", body=TokenBody, answer=Answer(TokenSerializer))
    def post(self, request: Request, meeting_id: str, participant_id: str, **path: str) -> Response:
        participant = self.get_participant(meeting_id, participant_id)
        revokes_earlier = bool(self.read_body(TokenBody).get("revoke_earlier", False))
        token = participants.renew_token(
            participant=participant, revokes_earlier=revokes_earlier, actor=self.caller.actor
        )
        return self.answer({"token": token})
