"""What clients may ask of livestreams: query strings and bodies."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar, cast

from rest_framework import serializers

from livehub.api.fields import BoundedListField, TextField
from livehub.api.paging import MAX_PER_PAGE, PageNumbers, PageQuery
from streams.livestreams.api.words import StatusWords
from streams.livestreams.broadcast_settings import BROADCAST_SETTINGS
from streams.livestreams.models.livestream import (
    DVR_WINDOW_MAX_S,
    END_HOLD_MAX_S,
    MAX_RUNTIME_MAX_S,
    RECONNECT_WINDOW_MAX_S,
)
from streams.livestreams.playback_settings import ORIGINS_MAX, PLAYBACK_SETTINGS, VIEWERS_MAX
from streams.livestreams.pulls import PullChange
from streams.livestreams.services import LivestreamSettings
from streams.livestreams.states import DuplicatePublisher, LatencyMode, PlaybackPolicy, WhileEncoderAway

_SETTINGS = PLAYBACK_SETTINGS | BROADCAST_SETTINGS


class LivestreamListParameters(PageNumbers):
    """A checked `LivestreamListQuery`."""

    exclude_meetings: bool
    # In our words; empty for any.
    status: frozenset[str]
    start_time: datetime | None
    end_time: datetime | None
    sort_order: str
    search: str


class LivestreamListQuery(PageQuery):
    """Which livestreams, in which order."""

    exclude_meetings = serializers.BooleanField(default=False, help_text="Leave out the livestreams of meetings.")
    status = serializers.ListField(
        child=serializers.CharField(allow_blank=True), default=[], help_text="Repeat the parameter to ask for several."
    )
    start_time = serializers.DateTimeField(default=None, help_text="Created at this ISO 8601 time or later.")
    end_time = serializers.DateTimeField(default=None, help_text="Created at this ISO 8601 time or earlier.")
    sort_order = serializers.ChoiceField(
        choices=["ASC", "DSC", "DESC"], default="DSC", help_text="By time of creation; DSC and DESC mean the same."
    )
    search = serializers.CharField(default="", help_text="Part of the name, or a whole id or playback id.")

    def validate_status(self, words: Sequence[str]) -> frozenset[str]:
        vendors: StatusWords = self.context["words"]
        # Without a value a parameter asks for nothing, here as elsewhere.
        meant = [vendors.statuses_called(word) for word in words if word]
        if not all(meant):
            raise serializers.ValidationError(f"Choose from {', '.join(vendors.for_filters)}.")
        return frozenset().union(*meant)

    def validate(self, attrs: LivestreamListParameters) -> LivestreamListParameters:
        start, end = attrs["start_time"], attrs["end_time"]
        if start is not None and end is not None and end < start:
            raise serializers.ValidationError({"end_time": ["Choose a time that is not before start_time."]})
        return attrs


class WholeListQuery(PageQuery):
    """Which page of a list that the vendor has no pages of: one is as long as may be."""

    per_page = serializers.IntegerField(
        default=MAX_PER_PAGE, min_value=1, max_value=MAX_PER_PAGE, help_text="Items on a page."
    )


class LivestreamBody(serializers.Serializer[None]):
    """What may be said of a livestream when it is made or changed."""

    examples: ClassVar[Mapping[str, object]] = {"name": "Autumn keynote"}

    name = TextField(
        required=False, allow_null=True, help_text="Up to 255 printable characters; null or empty for none."
    )


class PullBody(serializers.Serializer[None]):
    """Where broadcasts are to be fetched from; whatever is left out stays."""

    examples: ClassVar[Mapping[str, object]] = {"enabled": True, "url": "rtmp://source.example.com/live/keynote"}

    enabled = serializers.BooleanField(
        required=False, help_text="Whether it is to be fetched; true with an address, unless you say otherwise."
    )
    url = TextField(
        required=False,
        allow_null=True,
        help_text="rtmp, rtmps, rtsp, srt, http or https (HLS, or a file); may hold credentials. Null for none.",
    )


class PlayedLivestreamBody(LivestreamBody):
    """The same, how it is played and by whom, and how broadcasts wait and end.

    Whatever is left out stays, or is as it comes.
    """

    examples: ClassVar[Mapping[str, object]] = {
        **LivestreamBody.examples,
        "latency_mode": "low",
        "dvr_window_s": 3600,
        "playback_policy": "signed",
        "allowed_origins": ["https://shop.example.com"],
        "max_viewers": 500,
        "reconnect_window_s": 60,
        "while_away": "slate",
        "duplicate_publisher": "reject",
        "end_hold_s": 60,
        "max_duration_s": 10_800,
        "pull": PullBody.examples,
    }

    latency_mode = serializers.ChoiceField(
        choices=LatencyMode.choices,
        required=False,
        help_text="low (default) or standard, which is farther behind and costs less. From the next broadcast on.",
    )
    dvr_window_s = serializers.IntegerField(
        min_value=0,
        max_value=DVR_WINDOW_MAX_S,
        required=False,
        help_text="How far back players can go; 0 for not at all, 3600 by default. From the next broadcast on.",
    )
    playback_policy = serializers.ChoiceField(
        choices=PlaybackPolicy.choices,
        required=False,
        help_text="public (default): whoever has the address plays it. signed: whoever has a token.",
    )
    allowed_origins = BoundedListField(
        child=TextField(help_text="Such as https://example.com."),
        max_length=ORIGINS_MAX,
        required=False,
        help_text="Whose pages may embed it or fetch from it; empty (default) for everybody's.",
    )
    max_viewers = serializers.IntegerField(
        min_value=1,
        max_value=VIEWERS_MAX,
        required=False,
        allow_null=True,
        help_text="At once, by their tokens' viewer_id: of a signed livestream only. Null (default) for no limit.",
    )
    reconnect_window_s = serializers.IntegerField(
        min_value=0,
        max_value=RECONNECT_WINDOW_MAX_S,
        required=False,
        help_text="How long a broadcast waits for an encoder that dropped; 0 ends it at once, 60 by default.",
    )
    while_away = serializers.ChoiceField(
        choices=WhileEncoderAway.choices,
        required=False,
        help_text="What viewers see while it waits: slate (default), the picture of /slate; hold, the last "
        "picture of the encoder; nothing, their players wait. From the next broadcast on.",
    )
    duplicate_publisher = serializers.ChoiceField(
        choices=DuplicatePublisher.choices,
        required=False,
        help_text="Of a second encoder with the same key: reject (default) refuses it, replace lets it take over.",
    )
    end_hold_s = serializers.IntegerField(
        min_value=0,
        max_value=END_HOLD_MAX_S,
        required=False,
        help_text="How long encoders are turned away after the broadcast was ended; 60 by default.",
    )
    max_duration_s = serializers.IntegerField(
        source="max_runtime_s",
        min_value=1,
        max_value=MAX_RUNTIME_MAX_S,
        required=False,
        allow_null=True,
        help_text="After how long a broadcast is ended in any case. Null (default) for never.",
    )
    pull = PullBody(required=False, help_text="Fetch broadcasts from there in place of an encoder.")


def pull_of(values: Mapping[str, object]) -> PullChange | None:
    """Return what a checked body says of where broadcasts are fetched from, None when it says nothing."""
    return cast(PullChange, {**cast(PullChange, values["pull"])}) if "pull" in values else None


def settings_of(values: Mapping[str, object]) -> LivestreamSettings:
    """Return what a checked body says of playback and of broadcasts."""
    return cast(LivestreamSettings, {name: value for name, value in values.items() if name in _SETTINGS})
