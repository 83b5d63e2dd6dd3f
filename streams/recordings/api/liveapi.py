"""Recordings as LiveAPI has them: of a live stream, and all of them as videos."""

from collections.abc import Mapping
from typing import ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from livehub.api.dialect import JsonObject
from livehub.api.fields import InstantField
from livehub.api.identifiers import get_object_id_range, object_id
from livehub.api.operations import Answer, operation
from livehub.core import clock
from streams.livestreams.api.liveapi.views import LiveApi
from streams.recordings import selectors
from streams.recordings.links import download_link
from streams.recordings.models import Recording

# As the vendor's pages are.
_PER_PAGE = 25


class LiveApiRecordingSerializer(serializers.Serializer[Recording]):
    """A recording of a live stream. Source: LiveAPI's reference, temporary recordings."""

    examples: ClassVar[Mapping[str, object]] = {
        "_id": "8d2f6a1094c74b3ea5d13f7e",
        "stream_id": "621c8dda6ebae022f13ee870",
        "duration": 214.5,
        "export_data": [],
    }

    _id = serializers.CharField()
    stream_id = serializers.CharField(allow_null=True)
    start_time = InstantField(allow_null=True)
    end_time = InstantField(allow_null=True)
    duration = serializers.FloatField(allow_null=True, help_text="In seconds; null until it is stored.")
    bytes = serializers.IntegerField(allow_null=True)
    download_url = serializers.CharField(allow_null=True, help_text="Null until it is stored.")
    is_verified = serializers.BooleanField(help_text="All that was broadcast is in the stored file.")
    export_data = serializers.ListField(child=serializers.DictField(), help_text="Always empty: nothing is cut out.")

    def to_representation(self, recording: Recording) -> JsonObject:
        link = download_link(recording)
        return {
            "_id": object_id(recording.pk),
            "stream_id": object_id(recording.livestream_id) if recording.livestream_id else None,
            "start_time": clock.isoformat(recording.started_at) if recording.started_at else None,
            "end_time": clock.isoformat(recording.stopped_at) if recording.stopped_at else None,
            "duration": recording.duration_s,
            "bytes": recording.size,
            "download_url": link.url if link else None,
            "is_verified": recording.is_verified,
            "export_data": [],
        }


class LiveApiVideosSerializer(serializers.Serializer[None]):
    """A page of videos."""

    docs = LiveApiRecordingSerializer(many=True)
    page = serializers.IntegerField()
    pages = serializers.IntegerField()


class LiveApiVideosQuery(serializers.Serializer[None]):
    """Which page."""

    page = serializers.IntegerField(default=1, min_value=0, help_text="From 1; 0 counts as 1.")


class LiveApiRecordingApi(LiveApi):
    tag = "Recordings"


class LiveApiRecordingsView(LiveApiRecordingApi):
    """/live_streams/{stream_id}/temporary_recordings"""

    @operation(
        "list_temporary_recordings",
        "List the newest recordings of a live stream",
        answer=Answer(LiveApiRecordingSerializer, is_list=True),
    )
    def get(self, request: Request, stream_id: str, **path: str) -> Response:
        found = selectors.list_livestream_recordings(self.get_livestream(stream_id))
        shape = LiveApiRecordingSerializer()
        return self.answer([shape.to_representation(row) for row in found[:_PER_PAGE]])


class LiveApiRecordingView(LiveApiRecordingApi):
    """/live_streams/{stream_id}/temporary_recordings/{temporary_recording_id}"""

    @operation("get_temporary_recording", "Get a recording of a live stream", answer=Answer(LiveApiRecordingSerializer))
    def get(self, request: Request, stream_id: str, temporary_recording_id: str, **path: str) -> Response:
        ids = get_object_id_range(temporary_recording_id, noun="recording")
        recording = selectors.get_livestream_recording_between(
            livestream=self.get_livestream(stream_id), ids=ids, called=temporary_recording_id
        )
        return self.answer(LiveApiRecordingSerializer().to_representation(recording))


class LiveApiVideosView(LiveApiRecordingApi):
    """/videos"""

    @operation(
        "list_videos",
        "List the recordings that are stored",
        query=LiveApiVideosQuery,
        answer=Answer(LiveApiVideosSerializer),
    )
    def get(self, request: Request, **path: str) -> Response:
        asked = self.read_query(LiveApiVideosQuery)["page"]
        page_no = max(1, asked if isinstance(asked, int) else 1)
        rows = selectors.list_stored_recordings(self.caller.app)
        total = rows.count()
        start = (page_no - 1) * _PER_PAGE
        found = rows[start : start + _PER_PAGE] if start < total else []
        shape = LiveApiRecordingSerializer()
        docs = [shape.to_representation(row) for row in found]
        return self.answer({"docs": docs, "page": page_no, "pages": -(-total // _PER_PAGE)})
