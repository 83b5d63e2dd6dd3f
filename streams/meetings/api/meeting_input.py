"""What clients may ask of meetings: query strings and bodies."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from rest_framework import serializers

from livehub.api.fields import BoundedListField, FlagField, TextField
from livehub.api.paging import PageNumbers, PageQuery
from streams.meetings.api.fields import LineField, WholeField, optional
from streams.meetings.api.recording_input import DyteRecordingConfigBody, RecordingConfigBody
from streams.meetings.models.meeting import DEFAULT_KEEP_ALIVE_S
from streams.meetings.states import MeetingStatus

STATUSES = [status.upper() for status in MeetingStatus.values]
KEEP_ALIVE_MAX_S = 86_400
_KEYWORDS_MAX = 100


class TimesQuery(PageQuery):
    """Which page of what was made when."""

    start_time = serializers.DateTimeField(default=None, help_text="Created at this ISO 8601 time or later.")
    end_time = serializers.DateTimeField(default=None, help_text="Created at this ISO 8601 time or earlier.")

    def validate(self, attrs: dict[str, object]) -> dict[str, object]:
        start, end = attrs["start_time"], attrs["end_time"]
        if isinstance(start, datetime) and isinstance(end, datetime) and end < start:
            raise serializers.ValidationError({"end_time": ["Choose a time that is not before start_time."]})
        return attrs


class MeetingListParameters(PageNumbers):
    """A checked `MeetingListQuery`."""

    search: str
    status: str
    start_time: datetime | None
    end_time: datetime | None


class MeetingListQuery(TimesQuery):
    """Which meetings."""

    search = serializers.CharField(default="", help_text="Part of the title, or a whole id.")
    status = serializers.ChoiceField(choices=STATUSES, default="", help_text="Whether they can be joined.")

    def validate_status(self, status: str) -> str:
        return status.lower()


class TranscriptionBody(serializers.Serializer[None]):
    keywords = BoundedListField(child=LineField(), required=False, max_length=_KEYWORDS_MAX)
    language = serializers.ChoiceField(
        choices=["en-US", "en-IN", "de", "hi", "sv", "ru", "pl", "el", "fr", "nl"],
        required=False,
        help_text="By default en-US.",
    )
    profanity_filter = FlagField(required=False)


class SummarizationBody(serializers.Serializer[None]):
    word_limit = WholeField(at_least=150, at_most=1000)
    text_format = serializers.ChoiceField(
        choices=["markdown", "plain_text"], required=False, help_text="By default markdown."
    )
    summary_type = serializers.ChoiceField(
        choices=[
            "general",
            "team_meeting",
            "sales_call",
            "client_check_in",
            "interview",
            "daily_standup",
            "one_on_one_meeting",
            "lecture",
            "code_review",
        ],
        required=False,
        help_text="By default general.",
    )


class AiConfigBody(serializers.Serializer[None]):
    """What is made of what was said."""

    examples: ClassVar[Mapping[str, object]] = {"transcription": {"language": "en-US"}}

    transcription = TranscriptionBody(required=False)
    summarization = SummarizationBody(required=False)


class MeetingBody(serializers.Serializer[None]):
    """The settings of a meeting; null is the default, as is what is not said."""

    examples: ClassVar[Mapping[str, object]] = {"title": "Backend standup", "recording_config": None, "ai_config": None}

    title = TextField(required=False, allow_null=True, help_text="Up to 255 printable characters.")
    record_on_start = FlagField(required=False, allow_null=True, help_text="Record from when the first one joins.")
    live_stream_on_start = FlagField(
        required=False, allow_null=True, help_text="Start a livestream when the first one joins, once per session."
    )
    persist_chat = FlagField(required=False, allow_null=True)
    summarize_on_end = FlagField(required=False, allow_null=True)
    transcribe_on_end = FlagField(required=False, allow_null=True)
    session_keep_alive_time_in_secs = WholeField(
        at_least=0,
        at_most=KEEP_ALIVE_MAX_S,
        allow_null=True,
        source="session_keep_alive_s",
        help_text=f"How long a session goes on after the last one has left; by default {DEFAULT_KEEP_ALIVE_S}.",
    )
    recording_config = RecordingConfigBody(required=False, allow_null=True)
    ai_config = AiConfigBody(required=False, allow_null=True)


class DyteMeetingBody(MeetingBody):
    """The same with what Dyte has beside it."""

    preferred_region = serializers.ChoiceField(
        choices=["ap-south-1", "ap-southeast-1", "us-east-1", "eu-central-1"],
        required=False,
        allow_null=True,
        help_text="Kept, and without effect: there is one region, wherever this instance runs.",
    )
    waiting_room = FlagField(required=False, allow_null=True)
    recording_config = DyteRecordingConfigBody(required=False, allow_null=True)


class MeetingChangeBody(optional(MeetingBody)):  # type: ignore[misc]  # Made of another class.
    """Some settings of a meeting, those within others as well; null takes one away."""

    status = serializers.ChoiceField(choices=STATUSES, required=False, help_text="INACTIVE: nobody can join.")

    def validate_status(self, status: str) -> str:
        return status.lower()


class DyteMeetingChangeBody(optional(DyteMeetingBody)):  # type: ignore[misc]  # As above.
    """Some settings of a meeting, those within others as well; null takes one away."""

    status = serializers.ChoiceField(choices=STATUSES, required=False, help_text="INACTIVE: nobody can join.")

    def validate_status(self, status: str) -> str:
        return status.lower()
