"""What clients may ask of the recordings of meetings."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, TypedDict
from uuid import UUID

from rest_framework import serializers

from livehub.api.fields import FlagField
from streams.meetings.api.fields import AddressField
from streams.meetings.api.meeting_input import TimesQuery
from streams.meetings.api.recording_input import DyteRecordingConfigBody, RecordingConfigBody, RtmpBody
from streams.recordings.states import STATUS_WORDS


class StartRecordingBody(RecordingConfigBody):
    """A recording of a meeting that is to begin."""

    examples: ClassVar[Mapping[str, object]] = {
        "meeting_id": "5b2c0e0e-7f0c-4f6e-9a51-6d1c2b7e8f90",
        "max_seconds": 3600,
        "file_name_prefix": "standup",
        "storage_config": None,
    }

    meeting_id = serializers.UUIDField()
    live_streaming_config = None  # type: ignore[assignment]  # Takes the inherited one away: here it is called so:
    rtmp_out_config = RtmpBody(required=False)
    allow_multiple_recordings = FlagField(
        required=False, help_text="Begin a further one where the meeting is being recorded already."
    )
    url = AddressField(help_text="Not taken: what is recorded is what the meeting's livestream broadcasts.")
    interactive_config = serializers.DictField(
        required=False, help_text="Not taken: recordings carry no timed metadata."
    )

    def validate_url(self, url: str) -> str:
        raise serializers.ValidationError("Other pages are not recorded: the meeting's livestream is. Leave it out.")

    def validate_interactive_config(self, config: object) -> object:
        raise serializers.ValidationError("Recordings carry no timed metadata. Leave it out.")


class DyteStartRecordingBody(StartRecordingBody):
    """The same in Dyte's words."""

    realtimekit_bucket_config = None  # type: ignore[assignment]  # Takes the inherited one away.
    dyte_bucket_config = DyteRecordingConfigBody._declared_fields["dyte_bucket_config"]


class ChangeRecordingBody(serializers.Serializer[None]):
    """What becomes of a recording that is going on."""

    examples: ClassVar[Mapping[str, object]] = {"action": "stop"}

    action = serializers.ChoiceField(choices=["stop", "pause", "resume"])


class RecordingListParameters(TypedDict):
    """A checked `RecordingListQuery`."""

    page_no: int
    per_page: int
    meeting_id: UUID | None
    search: str
    expired: bool | None
    sort_order: str
    start_time: datetime | None
    end_time: datetime | None
    status: list[str]


class RecordingListQuery(TimesQuery):
    """Which recordings of meetings."""

    meeting_id = serializers.UUIDField(default=None, help_text="Of this meeting alone.")
    search = serializers.CharField(default="", help_text="Part of a meeting's title, or its whole id.")
    expired = serializers.BooleanField(
        default=None, allow_null=True, help_text="Only those that are gone, or only those that are not."
    )
    sort_by = serializers.ChoiceField(choices=["invokedTime"], default="invokedTime")
    sort_order = serializers.ChoiceField(choices=["ASC", "DESC"], default="DESC")
    status = serializers.MultipleChoiceField(choices=STATUS_WORDS, default=set, help_text="Any of these.")

    def validate_status(self, status: Any) -> list[str]:
        return [each.lower() for each in status]
