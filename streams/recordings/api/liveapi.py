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
from streams.livestreams.api.liveapi.serializers import LiveApiRemovedSerializer
from streams.livestreams.api.liveapi.views import LiveApi
from streams.recordings import selectors, services
from streams.recordings.files import told_size
from streams.recordings.links import download_link, playback_url
from streams.recordings.models import Recording
from streams.recordings.states import RecordingStatus

# As the vendor's pages are.
_PER_PAGE = 25
_STATUSES = {RecordingStatus.UPLOADED.value: "ready", RecordingStatus.ERRORED.value: "error"}
_PROCESSING = "processing"


class LiveApiTemporaryPlaybackSerializer(serializers.Serializer[None]):
    temporary_playback = serializers.CharField(allow_null=True, help_text="HLS; null until it is stored.")


class _Timed(serializers.Serializer[Recording]):
    """What temporary recordings and videos have alike."""

    _id = serializers.CharField()
    stream_id = serializers.CharField(allow_null=True)
    duration = serializers.FloatField(allow_null=True, help_text="In seconds; null until it is stored.")
    bytes = serializers.IntegerField(allow_null=True)
    download_url = serializers.CharField(allow_null=True, help_text="Null until it is stored.")
    is_verified = serializers.BooleanField(help_text="All that was broadcast is in the stored file.")

    def to_representation(self, recording: Recording) -> JsonObject:
        link = download_link(recording)
        return {
            "_id": object_id(recording.pk),
            "stream_id": object_id(recording.livestream_id) if recording.livestream_id else None,
            "duration": recording.duration_s,
            "bytes": told_size(recording),
            "download_url": link.url if link else None,
            "is_verified": recording.is_verified,
        }


class LiveApiRecordingSerializer(_Timed):
    """A recording of a live stream. Source: LiveAPI's reference, temporary recordings."""

    examples: ClassVar[Mapping[str, object]] = {
        "_id": "8d2f6a1094c74b3ea5d13f7e",
        "stream_id": "621c8dda6ebae022f13ee870",
        "duration": 214.5,
        "export_data": [],
    }

    start_time = InstantField(allow_null=True)
    end_time = InstantField(allow_null=True)
    playback = LiveApiTemporaryPlaybackSerializer()
    export_data = serializers.ListField(
        child=serializers.DictField(), help_text="The whole of it as a video, once it is stored."
    )

    def to_representation(self, recording: Recording) -> JsonObject:
        shown = super().to_representation(recording)
        # Source: LiveAPI, export_data; here each recording is a video as it is.
        exported = {
            "from": 0,
            "duration": shown["duration"],
            "bytes": shown["bytes"],
            "status": "EXPORTED",
            "video_id": shown["_id"],
            "download_url": shown["download_url"],
        }
        return {
            **shown,
            "start_time": clock.isoformat(recording.started_at) if recording.started_at else None,
            "end_time": clock.isoformat(recording.stopped_at) if recording.stopped_at else None,
            "playback": {"temporary_playback": playback_url(recording)},
            "export_data": [exported] if recording.is_stored else [],
        }


class LiveApiVideoPlaybackSerializer(serializers.Serializer[None]):
    hls_url = serializers.CharField(allow_null=True, help_text="For whoever may watch the live stream.")


class LiveApiVideoSerializer(_Timed):
    """A recording as a video."""

    examples: ClassVar[Mapping[str, object]] = {
        "_id": "8d2f6a1094c74b3ea5d13f7e",
        "name": "Autumn keynote",
        "stream_id": "621c8dda6ebae022f13ee870",
        "status": "ready",
        "enabled": True,
        "duration": 214.5,
    }

    name = serializers.CharField(allow_null=True, help_text="What its live stream was called.")
    enabled = serializers.BooleanField(help_text="Always true: a video that is there can be played.")
    status = serializers.ChoiceField(choices=[_PROCESSING, *_STATUSES.values()])
    playback = LiveApiVideoPlaybackSerializer()
    creation_time = InstantField()

    def to_representation(self, recording: Recording) -> JsonObject:
        return {
            **super().to_representation(recording),
            "name": recording.name or None,
            "enabled": True,
            "status": _STATUSES.get(recording.status, _PROCESSING),
            "playback": {"hls_url": playback_url(recording)},
            "creation_time": clock.isoformat(recording.invoked_at),
        }


class LiveApiVideosSerializer(serializers.Serializer[None]):
    """A page of videos."""

    docs = LiveApiVideoSerializer(many=True)
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
        recording = self._get_recording(stream_id, temporary_recording_id)
        return self.answer(LiveApiRecordingSerializer().to_representation(recording))

    def _get_recording(self, stream_id: str, temporary_recording_id: str) -> Recording:
        ids = get_object_id_range(temporary_recording_id, noun="recording")
        livestream = self.get_livestream(stream_id)
        return selectors.get_livestream_recording_between(livestream=livestream, ids=ids, called=temporary_recording_id)


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
        shape = LiveApiVideoSerializer()
        docs = [shape.to_representation(row) for row in found]
        return self.answer({"docs": docs, "page": page_no, "pages": -(-total // _PER_PAGE)})


class LiveApiVideoView(LiveApiRecordingApi):
    """/videos/{video_id}"""

    @operation("get_video", "Get a recording as a video", answer=Answer(LiveApiVideoSerializer))
    def get(self, request: Request, video_id: str, **path: str) -> Response:
        return self.answer(LiveApiVideoSerializer().to_representation(self._get_video(video_id)))

    @operation(
        "delete_video",
        "Delete a recording, and its file",
        answer=Answer(LiveApiRemovedSerializer),
        failures={400: "It is still going on."},
    )
    def delete(self, request: Request, video_id: str, **path: str) -> Response:
        video = self._get_video(video_id)
        services.delete_recording(recording_id=video.pk, actor=self.caller.actor)
        return self.answer({"_id": object_id(video.pk), "message": "Video deleted"})

    def _get_video(self, video_id: str) -> Recording:
        ids = get_object_id_range(video_id, noun="video")
        return selectors.get_app_recording_between(app=self.caller.app, ids=ids, called=video_id)
