"""What may be said of how meetings are recorded, and of where recordings go."""

from collections.abc import Mapping
from typing import ClassVar

from rest_framework import serializers

from livehub.api.fields import FlagField
from streams.meetings.api.fields import AddressField, LineField, SecretField, WholeField
from streams.recordings.models.storage import StorageType

# Source: RealtimeKit, POST /meetings.
_SECONDS_MIN, _SECONDS_MAX = 60, 86_400
_PIXELS_MAX = 1920
_RTMP = ("rtmp", "rtmps")


class WatermarkSizeBody(serializers.Serializer[None]):
    width = WholeField(at_least=1, at_most=_PIXELS_MAX)
    height = WholeField(at_least=1, at_most=_PIXELS_MAX)


class WatermarkBody(serializers.Serializer[None]):
    url = AddressField()
    size = WatermarkSizeBody(required=False)
    position = serializers.ChoiceField(
        choices=["left top", "right top", "left bottom", "right bottom"],
        required=False,
        help_text="By default left top.",
    )


class RecordingVideoBody(serializers.Serializer[None]):
    codec = serializers.ChoiceField(choices=["H264", "VP8", "VP9"], required=False, help_text="By default H264.")
    width = WholeField(at_least=1, at_most=_PIXELS_MAX)
    height = WholeField(at_least=1, at_most=_PIXELS_MAX)
    watermark = WatermarkBody(required=False)
    export_file = FlagField(required=False)


class RecordingAudioBody(serializers.Serializer[None]):
    codec = serializers.ChoiceField(choices=["AAC", "MP3"], required=False, help_text="By default AAC.")
    channel = serializers.ChoiceField(choices=["stereo", "mono"], required=False, help_text="By default stereo.")
    export_file = FlagField(required=False)


class StorageBody(serializers.Serializer[None]):
    """A storage of the client's own; what opens it is not shown again."""

    is_whole: ClassVar[bool] = True

    examples: ClassVar[Mapping[str, object]] = {
        "type": "aws",
        "access_key": "AKIAEXAMPLE",
        "secret": "example",
        "bucket": "films",
        "region": "eu-central-1",
        "path": "/meetings",
    }

    id = serializers.UUIDField(read_only=True)
    type = serializers.ChoiceField(
        choices=StorageType.choices, help_text="s3, another storage that speaks it, is LiveHub's own word."
    )
    access_key = SecretField()
    secret = SecretField()
    # Source: Dyte's quickstart.
    secret_key = SecretField()
    password = SecretField()
    private_key = SecretField()
    bucket = LineField()
    region = LineField()
    path = LineField(max_length=1024)
    host = LineField()
    port = WholeField(at_least=1, at_most=65_535)
    username = LineField()
    account_id = serializers.RegexField(
        r"^[0-9a-f]{32}\Z", required=False, help_text="Of cloudflare: whose R2 it is; or give its endpoint."
    )
    endpoint = LineField(max_length=1024, help_text="Of s3 and cloudflare: the address of the API.")
    auth_method = serializers.ChoiceField(choices=["KEY", "PASSWORD"], required=False)

    def validate(self, attrs: dict[str, object]) -> dict[str, object]:
        if "secret_key" in attrs:
            attrs["secret"] = attrs.pop("secret_key")
        missing = [name for name in _needed(attrs) if name not in attrs]
        if missing:
            raise serializers.ValidationError({name: ["A storage of this type needs it."] for name in missing})
        return attrs


class BucketBody(serializers.Serializer[None]):
    """Whether recordings are kept here."""

    is_whole: ClassVar[bool] = True

    enabled = FlagField()


class RtmpBody(serializers.Serializer[None]):
    rtmp_url = AddressField(
        schemes=_RTMP, help_text="With the platform's stream key; not told to an API key that may only read."
    )


class RecordingConfigBody(serializers.Serializer[None]):
    """How meetings are recorded; what it does not say, the defaults do."""

    examples: ClassVar[Mapping[str, object]] = {"max_seconds": 3600, "file_name_prefix": "standup"}

    max_seconds = WholeField(at_least=_SECONDS_MIN, at_most=_SECONDS_MAX)
    file_name_prefix = LineField()
    video_config = RecordingVideoBody(required=False)
    audio_config = RecordingAudioBody(required=False)
    storage_config = StorageBody(required=False, allow_null=True)
    realtimekit_bucket_config = BucketBody(required=False, source="bucket_config")
    live_streaming_config = RtmpBody(required=False)

    def validate_file_name_prefix(self, prefix: str) -> str:
        if "/" in prefix or "\\" in prefix:
            raise serializers.ValidationError("A file's name has no slashes.")
        return prefix


class DyteRecordingConfigBody(RecordingConfigBody):
    """The same in Dyte's words."""

    realtimekit_bucket_config = None  # type: ignore[assignment]  # Takes the inherited one away.
    dyte_bucket_config = BucketBody(required=False, source="bucket_config")


def _needed(storage: Mapping[str, object]) -> list[str]:
    if storage.get("type") == "sftp":
        by_password = storage.get("auth_method") == "PASSWORD"
        return ["host", "auth_method", "password" if by_password else "private_key"]
    if storage.get("type") in {"cloudflare", "s3"}:
        address = "account_id" if storage["type"] == "cloudflare" and "endpoint" not in storage else "endpoint"
        return ["access_key", "secret", address]
    return [] if storage.get("type") == "gcs" else ["access_key", "region"]
