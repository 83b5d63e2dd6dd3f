"""Archives of live streams as Cloudinary has them: video assets, by the public id of the archive."""

from collections.abc import Mapping
from typing import ClassVar, cast

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from livehub.api.dialect import JsonObject
from livehub.api.fields import EpochMsField
from livehub.api.operations import Answer, operation
from livehub.api.paging import PageNumbers, take_page
from livehub.core import clock
from streams.livestreams.api.base import LivestreamsApi
from streams.livestreams.api.cloudinary.serializers import CloudinaryMessageSerializer
from streams.livestreams.api.input import WholeListQuery
from streams.recordings import archives, services
from streams.recordings.archives import Archive
from streams.recordings.files import told_size
from streams.recordings.links import download_link, playback_url
from streams.recordings.states import RecordingStatus

# Source: Cloudinary, the status of an asset; what is not there yet is pending.
_STATUSES = {RecordingStatus.UPLOADED.value: "active", RecordingStatus.ERRORED.value: "failed"}
_PENDING = "pending"


class CloudinaryAssetSerializer(serializers.Serializer[Archive]):
    """What was broadcast on a live stream, as a video. Source: Cloudinary's Admin API, resources."""

    examples: ClassVar[Mapping[str, object]] = {
        "asset_id": "8d2f6a1094c74b3ea5d13f7e9c0b2a64",
        "public_id": "live_stream_0bd7f11c043da975e2a8ad9ebae0b6ec_archive",
        "live_stream_id": "0bd7f11c043da975e2a8ad9ebae0b6ec",
        "format": "mp4",
        "resource_type": "video",
        "type": "upload",
        "version": 1767225600,
        "status": "active",
        "bytes": 84_213_377,
        "duration": 214.5,
    }

    asset_id = serializers.CharField(help_text="Of one broadcast: 32 hexadecimal digits.")
    public_id = serializers.CharField(help_text="The archive's: the same for each broadcast.")
    live_stream_id = serializers.CharField()
    version = serializers.IntegerField(help_text="When it was asked for, in seconds since 1970.")
    status = serializers.ChoiceField(choices=[_PENDING, *_STATUSES.values()])
    format = serializers.CharField()
    resource_type = serializers.CharField()
    type = serializers.CharField()
    bytes = serializers.IntegerField(allow_null=True, help_text="Null until it is stored.")
    duration = serializers.FloatField(allow_null=True, help_text="In seconds.")
    playback_url = serializers.CharField(
        allow_null=True,
        help_text="HLS video on demand of what was broadcast, for whoever may watch the live stream; null until it is "
        "stored.",
    )
    secure_url = serializers.CharField(allow_null=True, help_text="Where anybody can fetch it for seven days.")
    created_at = EpochMsField()

    def to_representation(self, archive: Archive) -> JsonObject:
        recording = archive.recording
        link = download_link(recording)
        return {
            "asset_id": recording.pk.hex,
            "public_id": archive.public_id,
            "live_stream_id": archive.livestream_id.hex,
            "version": clock.epoch_ms(recording.invoked_at) // 1000,
            "status": _STATUSES.get(recording.status, _PENDING),
            "format": recording.output_file_name.rpartition(".")[2],
            "resource_type": "video",
            "type": "upload",
            "bytes": told_size(recording),
            "duration": recording.duration_s,
            "playback_url": playback_url(recording),
            "secure_url": link.url if link else None,
            "created_at": clock.epoch_ms(recording.invoked_at),
        }


class CloudinaryAssetApi(LivestreamsApi):
    tag = "Archives"


class CloudinaryAssetsView(CloudinaryAssetApi):
    """/resources/video/upload"""

    @operation(
        "list_archives",
        "List what was broadcast on live streams with an archive, newest first",
        query=WholeListQuery,
        answer=Answer(CloudinaryAssetSerializer, is_list=True),
    )
    def get(self, request: Request, **path: str) -> Response:
        wanted = cast(PageNumbers, self.read_query(WholeListQuery))
        rows = archives.list_archived(self.caller.app)
        page = take_page(rows, wanted=wanted, count=rows.count)
        shape = CloudinaryAssetSerializer()
        return self.answer_list(
            [shape.to_representation(each) for each in archives.read_archives(page.items)], page=page
        )


class CloudinaryAssetView(CloudinaryAssetApi):
    """/resources/video/upload/{public_id}"""

    @operation("get_archive", "Get the newest broadcast of an archive", answer=Answer(CloudinaryAssetSerializer))
    def get(self, request: Request, public_id: str, **path: str) -> Response:
        found = archives.get_archive(app=self.caller.app, public_id=public_id)
        return self.answer(CloudinaryAssetSerializer().to_representation(found))

    @operation(
        "delete_archive",
        "Delete the newest broadcast of an archive, and its file",
        answer=Answer(CloudinaryMessageSerializer),
        failures={400: "It is still going on."},
    )
    def delete(self, request: Request, public_id: str, **path: str) -> Response:
        found = archives.get_archive(app=self.caller.app, public_id=public_id)
        services.delete_recording(recording_id=found.recording.pk, actor=self.caller.actor)
        return self.answer({"message": "Asset deleted"})
