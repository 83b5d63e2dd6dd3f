"""Who watched, taken apart, and as CSV; what LiveHub has beyond the vendors."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, TypedDict, cast
from uuid import UUID

from django.http import StreamingHttpResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.base import UNACCEPTABLE, AnalyticsApi
from analytics.api.input import DatesQuery, dates_asked
from analytics.breakdowns import Breakdown, Grouping, WantedBreakdown, WatchedRow
from analytics.csv_files import csv_of
from analytics.quality import Quality
from livehub.api.dialect import JsonObject
from livehub.api.fields import InstantField
from livehub.api.operations import Answer, operation
from livehub.api.paging import Page, PageNumbers, PageQuery, end_of
from livehub.core import clock


class _Parameters(TypedDict):
    group_by: str
    livestream_id: UUID | None
    session_id: UUID | None


class BreakdownQuery(DatesQuery):
    """Of which days, by what, and of which livestream or broadcast alone."""

    group_by = serializers.ChoiceField(
        choices=Grouping.values, default=Grouping.LIVESTREAM.value, help_text="What each item is of."
    )
    livestream_id = serializers.UUIDField(default=None, help_text="Of this livestream alone.")
    session_id = serializers.UUIDField(default=None, help_text="Of this broadcast alone.")


class BreakdownPageQuery(PageQuery, BreakdownQuery):
    """The same, and which page."""


class QualitySerializer(serializers.Serializer[Quality]):
    """How views played, as their players reported it: of those that began on the days asked for."""

    examples: ClassVar[Mapping[str, object]] = {
        "reported_views": 380,
        "startup_p50_ms": 640,
        "startup_p95_ms": 2_110,
        "exits_before_start_percent": 1.32,
        "failures_percent": 0.53,
        "rebuffering_percent": 0.41,
        "stalls": 57,
        "latency_p50_ms": 3_020,
        "latency_p95_ms": 5_480,
    }

    reported_views = serializers.IntegerField(help_text="Views whose player reported: what all of this is of.")
    startup_p50_ms = serializers.IntegerField(
        allow_null=True, help_text="Half of those that started did so within it; null where none did."
    )
    startup_p95_ms = serializers.IntegerField(allow_null=True, help_text="And 95 percent within this.")
    exits_before_start_percent = serializers.FloatField(
        allow_null=True, help_text="Of reported views: left before the first picture, without an error."
    )
    failures_percent = serializers.FloatField(allow_null=True, help_text="Of reported views: their player gave up.")
    rebuffering_percent = serializers.FloatField(
        allow_null=True, help_text="Of the time after the start: waiting for more; null where nothing was played."
    )
    stalls = serializers.IntegerField(help_text="How often that was.")
    latency_p50_ms = serializers.IntegerField(
        allow_null=True, help_text="From capture to the viewer, of half of the views; null where none told."
    )
    latency_p95_ms = serializers.IntegerField(allow_null=True, help_text="And of 95 percent.")

    def to_representation(self, quality: Quality) -> JsonObject:
        return {
            "reported_views": quality.reported,
            "startup_p50_ms": quality.startup_p50_ms,
            "startup_p95_ms": quality.startup_p95_ms,
            "exits_before_start_percent": quality.exits_percent,
            "failures_percent": quality.failures_percent,
            "rebuffering_percent": quality.rebuffering_percent,
            "stalls": quality.stalls,
            "latency_p50_ms": quality.latency_p50_ms,
            "latency_p95_ms": quality.latency_p95_ms,
        }


def told_quality(quality: Quality | None) -> JsonObject | None:
    """Return it as answers have it."""
    return None if quality is None else QualitySerializer().to_representation(quality)


class WatchedSerializer(serializers.Serializer[WatchedRow]):
    """What was watched of one livestream, broadcast, day, country, device or rendition."""

    examples: ClassVar[Mapping[str, object]] = {
        "key": "5b2c0e0e-7f0c-4f6e-9a51-6d1c2b7e8f90",
        "name": "Autumn keynote",
        "livestream_id": None,
        "invoked_time": None,
        "views": 412,
        "viewer_seconds": 120_441,
        "average_view_seconds": 292.332,
        "peak_viewers": 87,
    }

    key = serializers.CharField(
        read_only=True,
        allow_null=True,
        help_text="The id of a livestream or session, a UTC day, a country's two letters, a kind of device, or a "
        "rendition such as 720p or audio; null for a country that is not known.",
    )
    name = serializers.CharField(read_only=True, allow_null=True, help_text="For people, where the key is not.")
    livestream_id = serializers.UUIDField(allow_null=True, help_text="Of a session.")
    invoked_time = InstantField(allow_null=True, help_text="Of a session: when it began.")
    views = serializers.IntegerField(help_text="Those that began: two seconds of media and more.")
    viewer_seconds = serializers.IntegerField(help_text="Watched by all viewers together.")
    average_view_seconds = serializers.FloatField(allow_null=True, help_text="Of a view; null where none began.")
    peak_viewers = serializers.IntegerField(
        allow_null=True, help_text="The most who watched one broadcast at once; null where that is not known."
    )
    quality = QualitySerializer(
        read_only=True,
        allow_null=True,
        help_text="How it played; null where no player reported that, and by rendition, of which none says it.",
    )

    def to_representation(self, row: WatchedRow) -> JsonObject:
        return {
            "key": row.key or None,
            "name": row.name or None,
            "livestream_id": str(row.livestream_id) if row.livestream_id else None,
            "invoked_time": clock.isoformat(row.began_at) if row.began_at else None,
            "views": row.views,
            "viewer_seconds": row.viewer_seconds,
            "average_view_seconds": None if row.average_ms is None else row.average_ms / 1000,
            "peak_viewers": row.peak,
            "quality": told_quality(row.quality),
        }


class BreakdownApi(AnalyticsApi):
    """What both of them share."""

    def breakdown_asked(self, checked: Mapping[str, object]) -> Breakdown:
        """Return what a checked query asks for.

        :raises ValidationFailedError: when it is too many days.
        """
        asked = cast(_Parameters, checked)
        return Breakdown(
            WantedBreakdown(
                app_ids=[self.caller.app.pk],
                during=dates_asked(checked),
                by=Grouping(asked["group_by"]),
                livestream_id=asked["livestream_id"],
                session_id=asked["session_id"],
            )
        )


class BreakdownView(BreakdownApi):
    """/analytics/livestreams"""

    @operation(
        "list_watched",
        "List who watched, by livestream, session, day, country, device or rendition; the longest watched first",
        query=BreakdownPageQuery,
        answer=Answer(WatchedSerializer, is_list=True),
        failures=UNACCEPTABLE,
    )
    def get(self, request: Request, **path: str) -> Response:
        checked = self.read_query(BreakdownPageQuery)
        breakdown, wanted = self.breakdown_asked(checked), cast(PageNumbers, checked)
        shape, page = WatchedSerializer(), _take_rows(breakdown, wanted)
        return self.answer_list([shape.to_representation(row) for row in page.items], page=page)


class BreakdownFileView(BreakdownApi):
    """/analytics/livestreams.csv"""

    @operation(
        "download_watched",
        "Get the same as CSV: all of it, the names of its columns first",
        query=BreakdownQuery,
        answer=Answer(WatchedSerializer, is_csv=True),
        failures=UNACCEPTABLE,
    )
    def get(self, request: Request, **path: str) -> StreamingHttpResponse:
        return csv_of(self.breakdown_asked(self.read_query(BreakdownQuery)))


def _take_rows(breakdown: Breakdown, wanted: PageNumbers) -> Page[WatchedRow]:
    """Return a page; how many there are in all is asked only where the page does not tell."""
    end = end_of(wanted)
    start = end - wanted["per_page"]
    total = breakdown.count() if start else -1
    rows: Sequence[WatchedRow] = breakdown.between(start, end) if start < total or not start else []
    if total < 0:
        total = len(rows) if len(rows) < wanted["per_page"] else breakdown.count()
    return Page(breakdown.with_quality(rows), total, start + 1)
