"""The livestream of a meeting."""

from typing import cast

from rest_framework.request import Request
from rest_framework.response import Response

from livehub.api.operations import Answer, Paging, operation
from livehub.api.paging import PageNumbers, PageQuery, take_page
from streams.livestreams.api.serializers import LivestreamSerializer, SessionSerializer
from streams.meetings import broadcasts, selectors
from streams.meetings.api.room_input import StartLivestreamBody
from streams.meetings.api.serializers import MessageSerializer, StartedLivestreamSerializer
from streams.meetings.api.session_serializers import MeetingLivestreamsSerializer
from streams.meetings.api.views.base import MeetingApi
from streams.meetings.broadcasts import VideoConfig


class StartLivestreamView(MeetingApi):
    """/meetings/{meeting_id}/livestreams"""

    @operation(
        "start_meeting_livestream",
        "Start the meeting's livestream; when it is on already it is answered with, and the status is 200",
        body=StartLivestreamBody,
        answer=Answer(StartedLivestreamSerializer, status=201, status_again=200),
    )
    def post(self, request: Request, meeting_id: str, **path: str) -> Response:
        meeting = self.get_meeting(meeting_id)
        asked = self.read_body(StartLivestreamBody)
        livestream, was_made = broadcasts.start_meeting_livestream(
            meeting=meeting,
            name=str(asked.get("name") or ""),
            video_config=cast(VideoConfig, asked.get("video_config") or {}),
            actor=self.caller.actor,
        )
        shape = StartedLivestreamSerializer(context={**self.presenting([])})
        return self.answer(shape.to_representation(livestream), status=201 if was_made else 200)


class ActiveLivestreamView(MeetingApi):
    """/meetings/{meeting_id}/active-livestream"""

    @operation(
        "get_meeting_livestream",
        "Get the meeting's livestream that is not stopped",
        answer=Answer(lambda shapes: shapes.livestreams.listed),
    )
    def get(self, request: Request, meeting_id: str, **path: str) -> Response:
        livestream = selectors.get_active_livestream(self.get_meeting(meeting_id))
        shape = self.shapes.livestreams.listed(context={**self.presenting([livestream])})
        return self.answer(shape.to_representation(livestream))


class StopLivestreamView(MeetingApi):
    """/meetings/{meeting_id}/active-livestream/stop"""

    @operation(
        "stop_meeting_livestream",
        "Stop the meeting's livestream for good; its encoder is cut",
        answer=Answer(MessageSerializer),
    )
    def post(self, request: Request, meeting_id: str, **path: str) -> Response:
        broadcasts.stop_meeting_livestream(meeting=self.get_meeting(meeting_id), actor=self.caller.actor)
        return self.answer({"message": "livestream stopped"})


class MeetingLivestreamsView(MeetingApi):
    """/meetings/{meeting_id}/livestream: the singular is Dyte's."""

    @operation(
        "list_meeting_livestreams",
        "List the meeting's livestreams, newest first, and the newest broadcast of each",
        query=PageQuery,
        answer=Answer(MeetingLivestreamsSerializer, paging=Paging.NUMBERED),
    )
    def get(self, request: Request, meeting_id: str, **path: str) -> Response:
        wanted = cast(PageNumbers, self.read_query(PageQuery))
        rows = selectors.list_livestreams_of(self.get_meeting(meeting_id))
        page = take_page(rows, wanted=wanted, count=rows.count)
        shape = LivestreamSerializer(context={**self.presenting(page.items)})
        sessions = selectors.list_newest_sessions(page.items)
        data = {
            "livestreams": [shape.to_representation(row) for row in page.items],
            "sessions": [SessionSerializer().to_representation(row) for row in sessions],
            "paging": page.paging,
        }
        return self.answer(data, paging=page.paging)
