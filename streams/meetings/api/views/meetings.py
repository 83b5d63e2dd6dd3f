"""Meetings."""

from typing import cast

from rest_framework.request import Request
from rest_framework.response import Response

from livehub.api.operations import Answer, operation
from livehub.api.paging import take_page
from streams.meetings import selectors
from streams.meetings.api.meeting_input import MeetingListParameters, MeetingListQuery
from streams.meetings.api.serializers import MeetingShapes
from streams.meetings.api.views.base import MeetingApi
from streams.meetings.models import Meeting
from streams.meetings.selectors import MeetingFilter
from streams.meetings.services import meetings
from streams.meetings.services.meetings import MeetingValues


def _meeting(shapes: MeetingShapes) -> type:
    return shapes.meeting


class OneMeetingApi(MeetingApi):
    def answer_meeting(self, meeting: Meeting, *, status: int = 200) -> Response:
        shape = self.shapes.meeting(context={"shows_secrets": self.shows_secrets})
        return self.answer(shape.to_representation(meeting), status=status)


class MeetingsView(OneMeetingApi):
    """/meetings"""

    @operation(
        "create_meeting",
        "Create a meeting",
        body=lambda shapes: shapes.body,
        answer=Answer(_meeting, status=201),
    )
    def post(self, request: Request, **path: str) -> Response:
        values = cast(MeetingValues, self.read_body(self.shapes.body))
        made = meetings.create_meeting(app=self.caller.app, values=values, actor=self.caller.actor)
        return self.answer_meeting(made, status=201)

    @operation(
        "list_meetings",
        "List meetings, newest first",
        query=MeetingListQuery,
        answer=Answer(lambda shapes: shapes.listed, is_list=True),
    )
    def get(self, request: Request, **path: str) -> Response:
        parameters = cast(MeetingListParameters, self.read_query(MeetingListQuery))
        found = selectors.list_meetings(app=self.caller.app, wanted=_filter(parameters))
        page = take_page(found.rows, wanted=parameters, count=found.count)
        shape = self.shapes.listed(context={"shows_secrets": self.shows_secrets})
        return self.answer_list([shape.to_representation(row) for row in page.items], page=page)


class MeetingView(OneMeetingApi):
    """/meetings/{meeting_id}"""

    @operation("get_meeting", "Get a meeting", answer=Answer(_meeting))
    def get(self, request: Request, meeting_id: str, **path: str) -> Response:
        return self.answer_meeting(self.get_meeting(meeting_id))

    @operation(
        "change_meeting",
        "Change some settings of a meeting, those within others as well",
        body=lambda shapes: shapes.changes,
        answer=Answer(_meeting),
    )
    def patch(self, request: Request, meeting_id: str, **path: str) -> Response:
        meeting = self.get_meeting(meeting_id)
        changes = cast(MeetingValues, self.read_body(self.shapes.changes))
        changed = meetings.change_meeting(meeting=meeting, changes=changes, actor=self.caller.actor)
        return self.answer_meeting(changed)

    @operation(
        "replace_meeting",
        "Replace the settings of a meeting: what is not said is as in a new one",
        body=lambda shapes: shapes.body,
        answer=Answer(_meeting),
    )
    def put(self, request: Request, meeting_id: str, **path: str) -> Response:
        meeting = self.get_meeting(meeting_id)
        values = cast(MeetingValues, self.read_body(self.shapes.body))
        replaced = meetings.replace_meeting(meeting=meeting, values=values, actor=self.caller.actor)
        return self.answer_meeting(replaced)


def _filter(parameters: MeetingListParameters) -> MeetingFilter:
    return MeetingFilter(
        search=parameters["search"],
        status=parameters["status"],
        created_from=parameters["start_time"],
        created_until=parameters["end_time"],
    )
