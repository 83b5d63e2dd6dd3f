"""The recordings of meetings."""

from typing import cast
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from livehub.api.identifiers import get_uuid
from livehub.api.operations import Answer, operation
from livehub.api.paging import take_page
from streams.meetings import recordings, selectors
from streams.meetings.api.recording_serializers import ListedMeetingRecordingSerializer, MeetingRecordingSerializer
from streams.meetings.api.recordings_input import (
    ChangeRecordingBody,
    RecordingListParameters,
    RecordingListQuery,
)
from streams.meetings.api.views.base import MeetingApi
from streams.recordings import services
from streams.recordings.models import Recording
from streams.recordings.selectors import get_app_recording

_NOT_CONFIG = {"meeting_id", "allow_multiple_recordings"}
_CHANGES = {
    "stop": services.stop_recording,
    "pause": services.pause_recording,
    "resume": services.resume_recording,
}


class MeetingRecordingApi(MeetingApi):
    tag = "Recordings"

    def show(self, recording: Recording) -> Response:
        return self.answer(ListedMeetingRecordingSerializer().to_representation(recording))

    def get_recording(self, recording_id: str) -> Recording:
        return get_app_recording(app=self.caller.app, recording_id=get_uuid(recording_id, noun="recording"))


class MeetingRecordingsView(MeetingRecordingApi):
    """/recordings"""

    @operation(
        "start_recording",
        "Record a meeting: what its livestream broadcasts",
        body=lambda shapes: shapes.start_recording,
        answer=Answer(MeetingRecordingSerializer),
        failures={
            400: "The meeting has no livestream, or is being recorded already; or the body is not valid JSON.",
            404: "No such meeting.",
        },
    )
    def post(self, request: Request, **path: str) -> Response:
        asked = self.read_body(self.shapes.start_recording)
        recording = recordings.start_meeting_recording(
            meeting=selectors.get_meeting(app=self.caller.app, meeting_id=cast(UUID, asked["meeting_id"])),
            config={name: value for name, value in asked.items() if name not in _NOT_CONFIG},
            allows_multiple=bool(asked.get("allow_multiple_recordings")),
            actor=self.caller.actor,
        )
        return self.answer(MeetingRecordingSerializer().to_representation(recording))

    @operation(
        "list_recordings",
        "List the recordings of meetings",
        query=RecordingListQuery,
        answer=Answer(ListedMeetingRecordingSerializer, is_list=True),
    )
    def get(self, request: Request, **path: str) -> Response:
        wanted = cast(RecordingListParameters, self.read_query(RecordingListQuery))
        rows = selectors.list_meeting_recordings(
            app=self.caller.app,
            wanted=selectors.RecordingFilter(
                meeting_id=wanted["meeting_id"],
                search=wanted["search"],
                statuses=wanted["status"],
                is_expired=wanted["expired"],
                invoked_from=wanted["start_time"],
                invoked_until=wanted["end_time"],
            ),
            is_descending=wanted["sort_order"] == "DESC",
        )
        page = take_page(rows, wanted=wanted, count=rows.count)
        shape = ListedMeetingRecordingSerializer()
        return self.answer_list([shape.to_representation(row) for row in page.items], page=page)


class ActiveRecordingView(MeetingRecordingApi):
    """/recordings/active-recording/{meeting_id}"""

    @operation(
        "get_active_recording",
        "Get the recording of a meeting that is going on",
        answer=Answer(MeetingRecordingSerializer),
    )
    def get(self, request: Request, meeting_id: str, **path: str) -> Response:
        recording = selectors.get_active_recording(self.get_meeting(meeting_id))
        return self.answer(MeetingRecordingSerializer().to_representation(recording))


class MeetingRecordingView(MeetingRecordingApi):
    """/recordings/{recording_id}"""

    @operation("get_recording", "Get a recording", answer=Answer(MeetingRecordingSerializer))
    def get(self, request: Request, recording_id: str, **path: str) -> Response:
        return self.answer(MeetingRecordingSerializer().to_representation(self.get_recording(recording_id)))

    @operation(
        "change_recording",
        "Stop, pause or resume a recording; what is asked for twice is done once",
        body=ChangeRecordingBody,
        answer=Answer(ListedMeetingRecordingSerializer),
        failures={400: "The recording was stopped; or the body is not valid JSON."},
    )
    def put(self, request: Request, recording_id: str, **path: str) -> Response:
        recording = self.get_recording(recording_id)
        change = _CHANGES[str(self.read_body(ChangeRecordingBody)["action"])]
        return self.show(change(recording_id=recording.pk, actor=self.caller.actor))
