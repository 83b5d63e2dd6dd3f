"""What happened in meetings."""

from typing import cast
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from livehub.api.identifiers import find_uuid, get_uuid
from livehub.api.operations import Answer, operation
from livehub.api.paging import PageNumbers, PageQuery, end_of, take_page
from streams.livestreams.api.serializers import SessionSerializer
from streams.meetings import selectors
from streams.meetings.api.room_input import (
    SESSION_ORDERS,
    STAY_ORDERS,
    PeerEventsQuery,
    PeerReportQuery,
    SessionDetailQuery,
    SessionListParameters,
    SessionListQuery,
    StayListParameters,
    StayListQuery,
)
from streams.meetings.api.session_serializers import (
    MeetingSessionSerializer,
    SessionParticipantSerializer,
    StayAnswerSerializer,
)
from streams.meetings.api.views.base import MeetingApi
from streams.meetings.models import MeetingSession
from streams.meetings.selectors import SessionFilter, SessionOrder

# What is no id is no meeting's.
_NO_MEETING = UUID(int=0)


class SessionApi(MeetingApi):
    tag = "Sessions"

    def get_session(self, meeting_session_id: str) -> MeetingSession:
        wanted = get_uuid(meeting_session_id, noun="session")
        return selectors.get_meeting_session(app=self.caller.app, session_id=wanted)

    def get_bare_session(self, meeting_session_id: str) -> MeetingSession:
        wanted = get_uuid(meeting_session_id, noun="session")
        return selectors.get_bare_session(app=self.caller.app, session_id=wanted)


class MeetingSessionsView(SessionApi):
    """/sessions"""

    @operation(
        "list_meeting_sessions",
        "List the sessions of meetings",
        query=SessionListQuery,
        answer=Answer(MeetingSessionSerializer, is_list=True, list_name="sessions"),
    )
    def get(self, request: Request, **path: str) -> Response:
        parameters = cast(SessionListParameters, self.read_query(SessionListQuery))
        order = SessionOrder(SESSION_ORDERS[parameters["sort_by"]], parameters["sort_order"] != "ASC")
        found = selectors.list_meeting_sessions(
            app=self.caller.app, wanted=_filter(parameters), order=order, until=end_of(parameters)
        )
        page = take_page(found.rows, wanted=parameters, count=found.count)
        shape = MeetingSessionSerializer()
        return self.answer_list([shape.to_representation(row) for row in page.items], page=page, name="sessions")


class MeetingSessionView(SessionApi):
    """/sessions/{session_id}"""

    @operation(
        "get_meeting_session",
        "Get a session of a meeting",
        query=SessionDetailQuery,
        answer=Answer(lambda shapes: shapes.session),
    )
    def get(self, request: Request, meeting_session_id: str, **path: str) -> Response:
        self.read_query(SessionDetailQuery)
        session = self.get_session(meeting_session_id)
        return self.answer(self.shapes.session().to_representation(session))


class SessionParticipantsView(SessionApi):
    """/sessions/{session_id}/participants"""

    @operation(
        "list_session_participants",
        "List who was in a session",
        query=StayListQuery,
        answer=Answer(SessionParticipantSerializer, is_list=True, list_name="participants"),
    )
    def get(self, request: Request, meeting_session_id: str, **path: str) -> Response:
        parameters = cast(StayListParameters, self.read_query(StayListQuery))
        session, shows = self.get_bare_session(meeting_session_id), parameters["include_peer_events"]
        order = SessionOrder(STAY_ORDERS[parameters["sort_by"]], parameters["sort_order"] != "ASC")
        found = selectors.list_session_participants(session, search=parameters["search"], order=order, with_peers=shows)
        page = take_page(found.rows, wanted=parameters, count=found.kept.count)
        shape = SessionParticipantSerializer(context={"shows_peer_events": shows})
        items = [shape.to_representation(row) for row in page.items]
        return self.answer_list(items, page=page, name="participants")


class SessionParticipantView(SessionApi):
    """/sessions/{session_id}/participants/{participant_id}"""

    @operation(
        "get_session_participant",
        "Get one who was in a session",
        query=PeerEventsQuery,
        answer=Answer(StayAnswerSerializer),
    )
    def get(self, request: Request, meeting_session_id: str, participant_id: str, **path: str) -> Response:
        shows = bool(self.read_query(PeerEventsQuery)["include_peer_events"])
        stay = selectors.get_session_participant(
            app=self.caller.app,
            session_id=get_uuid(meeting_session_id, noun="session"),
            participant_id=get_uuid(participant_id, noun="participant"),
            with_peers=shows,
        )
        return self.answer(StayAnswerSerializer(context={"shows_peer_events": shows}).to_representation(stay))


class PeerReportView(SessionApi):
    """/sessions/peer-report/{peer_id}"""

    @operation(
        "get_peer_report",
        "Get whose connection one is",
        query=PeerReportQuery,
        answer=Answer(StayAnswerSerializer),
    )
    def get(self, request: Request, peer_id: str, **path: str) -> Response:
        shows = bool(self.read_query(PeerReportQuery)["include_peer_events"])
        wanted = get_uuid(peer_id, noun="peer")
        stay = selectors.get_peer(app=self.caller.app, peer_id=wanted, with_peers=shows)
        return self.answer(StayAnswerSerializer(context={"shows_peer_events": shows}).to_representation(stay))


class SessionBroadcastsView(SessionApi):
    """/sessions/{session_id}/livestream-sessions"""

    @operation(
        "list_livestream_sessions",
        "List the broadcasts of the meeting's livestreams that were on during a session, newest first",
        query=PageQuery,
        answer=Answer(SessionSerializer, is_list=True),
    )
    def get(self, request: Request, meeting_session_id: str, **path: str) -> Response:
        wanted = cast(PageNumbers, self.read_query(PageQuery))
        rows = selectors.list_livestream_sessions(self.get_bare_session(meeting_session_id))
        page = take_page(rows, wanted=wanted, count=rows.count)
        shape = SessionSerializer()
        return self.answer_list([shape.to_representation(row) for row in page.items], page=page)


def _filter(parameters: SessionListParameters) -> SessionFilter:
    named = parameters["associated_id"]
    asked = [each.strip() for each in parameters["participants"].split(",") if each.strip()]
    return SessionFilter(
        meeting_id=(find_uuid(named) or _NO_MEETING) if named else None,
        participants=asked,
        status=parameters["status"].lower(),
        search=parameters["search"],
        created_from=parameters["start_time"],
        created_until=parameters["end_time"],
    )
