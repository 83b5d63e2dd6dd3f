"""Figures on the wire, as the vendors have them.

The fields are the description; what is answered is written out in `to_representation`.
"""

from collections.abc import Mapping
from typing import ClassVar

from rest_framework import serializers

from analytics.totals import AppTotals, LengthDay, LivestreamDay, LivestreamTotals
from livehub.api.dialect import JsonObject


class LivestreamTotalsSerializer(serializers.Serializer[LivestreamTotals]):
    """What livestreams came to in a range."""

    examples: ClassVar[Mapping[str, object]] = {
        "count": 12,
        "total_ingest_seconds": 40_210,
        "total_viewer_seconds": 1_204_418,
    }

    count = serializers.IntegerField(help_text="Sessions that began in the range.")
    total_ingest_seconds = serializers.IntegerField(help_text="Media taken in within the range.")
    total_viewer_seconds = serializers.IntegerField(help_text="Watched within the range, by all viewers together.")

    def to_representation(self, totals: LivestreamTotals | LivestreamDay) -> JsonObject:
        return {
            "count": totals.count,
            "total_ingest_seconds": totals.ingest_seconds,
            "total_viewer_seconds": totals.viewer_seconds,
        }


class LivestreamDaySerializer(LivestreamTotalsSerializer):
    """What livestreams came to on a day."""

    examples: ClassVar[Mapping[str, object]] = {"date": "2026-11-21", **LivestreamTotalsSerializer.examples}

    date = serializers.CharField(help_text="The UTC day, YYYY-MM-DD.")

    def to_representation(self, day: LivestreamDay) -> JsonObject:  # type: ignore[override]  # A day of them.
        return {"date": day.day.isoformat(), **super().to_representation(day)}


class MeetingDaySerializer(serializers.Serializer[LengthDay]):
    """The meetings of a day."""

    examples: ClassVar[Mapping[str, object]] = {"day": "2026-11-21", "total_sessions": 3, "total_session_minutes": 95.5}

    day = serializers.CharField(help_text="The UTC day, YYYY-MM-DD.")
    total_sessions = serializers.IntegerField(help_text="Sessions of meetings that began.")
    total_session_minutes = serializers.FloatField(help_text="Of all participants together.")

    def to_representation(self, day: LengthDay) -> JsonObject:
        return {
            "day": day.day.isoformat(),
            "total_sessions": day.count,
            "total_session_minutes": day.length / 100,
        }


class RecordingDaySerializer(serializers.Serializer[LengthDay]):
    """The recordings of a day."""

    examples: ClassVar[Mapping[str, object]] = {
        "day": "2026-11-21",
        "total_recordings": 2,
        "total_recording_minutes": 61,
    }

    day = serializers.CharField(help_text="The UTC day, YYYY-MM-DD.")
    total_recordings = serializers.IntegerField(help_text="Recordings that began.")
    total_recording_minutes = serializers.IntegerField(help_text="Whole minutes; what is left goes to the next day.")

    def to_representation(self, day: LengthDay) -> JsonObject:
        return {
            "day": day.day.isoformat(),
            "total_recordings": day.count,
            "total_recording_minutes": day.length,
        }


class MeetingStatsSerializer(serializers.Serializer[AppTotals]):
    """The meetings of a range."""

    examples: ClassVar[Mapping[str, object]] = {"sessions_count": 3, "sessions_minutes_consumed": 95.5}

    sessions_count = serializers.IntegerField(help_text="Sessions of meetings that began in the range.")
    sessions_minutes_consumed = serializers.FloatField(help_text="Of all participants together.")
    day_stats = MeetingDaySerializer(many=True, help_text="Each day of the range.")

    def to_representation(self, totals: AppTotals) -> JsonObject:
        shape = MeetingDaySerializer()
        return {
            "sessions_count": sum(day.count for day in totals.meetings),
            "sessions_minutes_consumed": sum(day.length for day in totals.meetings) / 100,
            "day_stats": [shape.to_representation(day) for day in totals.meetings],
        }


class RecordingStatsSerializer(serializers.Serializer[AppTotals]):
    """The recordings of a range."""

    examples: ClassVar[Mapping[str, object]] = {"recording_count": 2, "recording_minutes_consumed": 61.0}

    recording_count = serializers.IntegerField(help_text="Recordings that began in the range.")
    recording_minutes_consumed = serializers.FloatField(help_text="Minutes that were recorded within the range.")
    day_stats = RecordingDaySerializer(many=True, help_text="Each day of the range.")

    def to_representation(self, totals: AppTotals) -> JsonObject:
        shape = RecordingDaySerializer()
        return {
            "recording_count": sum(day.count for day in totals.recordings),
            "recording_minutes_consumed": float(sum(day.length for day in totals.recordings)),
            "day_stats": [shape.to_representation(day) for day in totals.recordings],
        }


class AppTotalsSerializer(serializers.Serializer[AppTotals]):
    """An app's meetings and recordings."""

    session_stats = MeetingStatsSerializer()
    recording_stats = RecordingStatsSerializer()

    def to_representation(self, totals: AppTotals) -> JsonObject:
        return {
            "session_stats": MeetingStatsSerializer().to_representation(totals),
            "recording_stats": RecordingStatsSerializer().to_representation(totals),
        }
