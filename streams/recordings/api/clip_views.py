"""Clips, as `/v2` has them, and recordings of what has been broadcast already."""

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from livehub.api.identifiers import get_uuid
from livehub.api.operations import Answer, operation
from livehub.api.paging import PageQuery, take_page
from streams.recordings.api.clip_input import (
    LivestreamClipBody,
    RecordingClipBody,
    WindowRecordingBody,
    stretch_of,
    wish_of,
)
from streams.recordings.api.clip_serializers import ClipSerializer, DeletedClipSerializer
from streams.recordings.api.serializers import LivestreamRecordingSerializer
from streams.recordings.api.views import RecordingApi
from streams.recordings.clips import selectors, services
from streams.recordings.clips.recorded_window import record_window
from streams.recordings.models import Clip, ClipQuerySet
from streams.recordings.selectors import get_app_recording

_NOTHING = {400: "Nothing is there to be cut, or the recording is not stored; or the body is not valid JSON."}


class ClipApi(RecordingApi):
    """Knows which clip is meant."""

    tag = "Clips"

    def show_clip(self, clip: Clip, *, status: int = 200) -> Response:
        return self.answer(ClipSerializer().to_representation(clip), status=status)

    def show_clips(self, found: ClipQuerySet) -> Response:
        page = take_page(found, wanted=self.read_page_query(), count=found.count)
        shape = ClipSerializer()
        return self.answer_list([shape.to_representation(row) for row in page.items], page=page)

    def get_clip(self, clip_id: str) -> Clip:
        return selectors.get_app_clip(app=self.caller.app, clip_id=get_uuid(clip_id, noun="clip"))


class LivestreamClipsApiView(ClipApi):
    """/livestreams/{livestream_id}/clips"""

    @operation(
        "clip_livestream",
        "Cut a clip out of what a livestream broadcasts, or has broadcast last",
        body=LivestreamClipBody,
        answer=Answer(ClipSerializer, status=201),
        failures=_NOTHING,
    )
    def post(self, request: Request, livestream_id: str, **path: str) -> Response:
        livestream = self.get_livestream(livestream_id)
        values = self.read_body(LivestreamClipBody)
        clip = services.clip_livestream(
            livestream=livestream,
            wish=wish_of(values),
            title=str(values.get("title", "")),
            actor=self.caller.actor,
        )
        return self.show_clip(clip, status=201)

    @operation(
        "list_livestream_clips",
        "List the clips of a livestream's broadcasts and recordings, newest first",
        query=PageQuery,
        answer=Answer(ClipSerializer, is_list=True),
    )
    def get(self, request: Request, livestream_id: str, **path: str) -> Response:
        return self.show_clips(selectors.list_livestream_clips(self.get_livestream(livestream_id)))


class RecordingClipsApiView(ClipApi):
    """/recordings/{recording_id}/clips"""

    @operation(
        "clip_recording",
        "Cut a clip out of a stored recording",
        body=RecordingClipBody,
        answer=Answer(ClipSerializer, status=201),
        failures=_NOTHING,
    )
    def post(self, request: Request, recording_id: str, **path: str) -> Response:
        recording = get_app_recording(app=self.caller.app, recording_id=get_uuid(recording_id, noun="recording"))
        values = self.read_body(RecordingClipBody)
        from_us, until_us = stretch_of(values)
        clip = services.clip_recording(
            recording=recording,
            from_us=from_us,
            until_us=until_us,
            title=str(values.get("title", "")),
            actor=self.caller.actor,
        )
        return self.show_clip(clip, status=201)

    @operation(
        "list_recording_clips",
        "List the clips of a recording, newest first",
        query=PageQuery,
        answer=Answer(ClipSerializer, is_list=True),
    )
    def get(self, request: Request, recording_id: str, **path: str) -> Response:
        recording = get_app_recording(app=self.caller.app, recording_id=get_uuid(recording_id, noun="recording"))
        return self.show_clips(selectors.list_recording_clips(recording))


class ClipsApiView(ClipApi):
    """/clips"""

    @operation(
        "list_clips", "List all clips, newest first", query=PageQuery, answer=Answer(ClipSerializer, is_list=True)
    )
    def get(self, request: Request, **path: str) -> Response:
        return self.show_clips(selectors.list_app_clips(self.caller.app))


class OneClipApiView(ClipApi):
    """/clips/{clip_id}"""

    @operation("get_clip", "Get a clip", answer=Answer(ClipSerializer))
    def get(self, request: Request, clip_id: str, **path: str) -> Response:
        return self.show_clip(self.get_clip(clip_id))

    @operation("delete_clip", "Delete a clip, and its file where it is stored", answer=Answer(DeletedClipSerializer))
    def delete(self, request: Request, clip_id: str, **path: str) -> Response:
        wanted: UUID = self.get_clip(clip_id).pk
        services.delete_clip(clip_id=wanted, actor=self.caller.actor)
        return self.answer({"id": str(wanted), "message": "Clip deleted"})


class WindowRecordingApiView(ClipApi):
    """/livestreams/{livestream_id}/recordings/from-window"""

    tag = "Recordings"

    @operation(
        "record_window",
        "Make a recording of what has been broadcast already, as far as its files are there",
        body=WindowRecordingBody,
        answer=Answer(LivestreamRecordingSerializer, status=201),
        failures=_NOTHING,
    )
    def post(self, request: Request, livestream_id: str, **path: str) -> Response:
        livestream = self.get_livestream(livestream_id)
        wish = wish_of(self.read_body(WindowRecordingBody))
        return self.show(record_window(livestream=livestream, wish=wish, actor=self.caller.actor), status=201)
