"""What clients may ask of livestreams: query strings and bodies."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from rest_framework import serializers

from livehub.api.fields import TextField
from livehub.api.paging import MAX_PER_PAGE, PageNumbers, PageQuery
from streams.livestreams.api.words import StatusWords


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
