"""The report of a broadcast; what LiveHub has beyond the vendors."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.base import AnalyticsApi
from analytics.api.breakdown_views import QualitySerializer, WatchedSerializer, told_quality
from analytics.breakdowns import WatchedRow
from analytics.glances import ViewersNow
from analytics.happenings import Band
from analytics.session_reports import Point, SessionReport, get_session_report
from livehub.api.dialect import JsonObject
from livehub.api.fields import InstantField
from livehub.api.identifiers import get_uuid
from livehub.api.operations import Answer, operation
from livehub.core import clock
from streams.livestreams import selectors
from streams.livestreams.models import IngestFinding


class WatchingNowSerializer(serializers.Serializer[ViewersNow]):
    """How many watch at this moment."""

    examples: ClassVar[Mapping[str, object]] = {"counted": 80, "estimated": 7}

    counted = serializers.IntegerField(help_text="Told apart by what their players say.")
    estimated = serializers.IntegerField(help_text="Told apart by their addresses, and by how much is fetched there.")
    time = InstantField(help_text="A moment ago.")

    def to_representation(self, now: ViewersNow) -> JsonObject:
        return {"counted": now.counted, "estimated": now.estimated, "time": clock.isoformat(now.at)}


class PointSerializer(serializers.Serializer[Point]):
    """A step of the curve."""

    examples: ClassVar[Mapping[str, object]] = {"viewers": 81.4, "views": 12}

    time = InstantField(help_text="When it begins.")
    viewers = serializers.FloatField(allow_null=True, help_text="On average; null where that is not known.")
    views = serializers.IntegerField(help_text="That began.")

    def to_representation(self, point: Point) -> JsonObject:
        return {"time": clock.isoformat(point.at), "viewers": point.viewers, "views": point.views}


class BandSerializer(serializers.Serializer[Band]):
    """A stretch that was not as it should be."""

    examples: ClassVar[Mapping[str, object]] = {"reason": "Encoder away"}

    reason = serializers.CharField(help_text="For people.")
    from_time = InstantField()
    until_time = InstantField(allow_null=True, help_text="Null while it goes on.")

    def to_representation(self, band: Band) -> JsonObject:
        return {
            "reason": band.label,
            "from_time": clock.isoformat(band.began_at),
            "until_time": _instant(band.ended_at),
        }


class PastFindingSerializer(serializers.Serializer[IngestFinding]):
    """A fault of what the encoder sent, while it lasted."""

    examples: ClassVar[Mapping[str, object]] = {
        "kind": "keyframe_interval",
        "severity": "warning",
        "value": 8.3,
        "unit": "s",
        "message": "Key frames come only every 8.3 s, so viewers wait longer for the picture.",
        "seconds": 41.5,
    }

    kind = serializers.CharField()
    severity = serializers.CharField(help_text="As it was last, and so is the value.")
    value = serializers.FloatField()
    unit = serializers.CharField()
    message = serializers.CharField(help_text="For people.")
    from_time = InstantField()
    until_time = InstantField(allow_null=True, help_text="When it was mended, or the broadcast was over; null before.")
    seconds = serializers.FloatField(help_text="How long it lasted, or lasts by now.")

    def to_representation(self, finding: IngestFinding) -> JsonObject:
        until = finding.ended_at
        return {
            "kind": finding.kind,
            "severity": finding.severity,
            "value": finding.value,
            "unit": finding.unit,
            "message": finding.message,
            "from_time": clock.isoformat(finding.since),
            "until_time": _instant(until),
            "seconds": ((until or clock.now()) - finding.since).total_seconds(),
        }


class SessionReportSerializer(serializers.Serializer[SessionReport]):
    """A broadcast told: how many watched it and when, with what, and what happened meanwhile."""

    examples: ClassVar[Mapping[str, object]] = {
        "stopped_time": None,
        "ingest_seconds": 1835,
        "views": 412,
        "viewer_seconds": 120_441,
        "average_view_seconds": 292.332,
        "peak_viewers": 87,
        "peak_estimated": 7,
        "step_seconds": 60,
    }

    id = serializers.UUIDField()
    livestream_id = serializers.UUIDField()
    invoked_time = InstantField(help_text="When it began.")
    started_time = InstantField(allow_null=True, help_text="When viewers could play it.")
    stopped_time = InstantField(allow_null=True)
    ingest_seconds = serializers.IntegerField(help_text="Media taken in.")
    views = serializers.IntegerField(allow_null=True, help_text="Null where viewers are not counted, here as below.")
    viewer_seconds = serializers.IntegerField(allow_null=True, help_text="Watched by all viewers together.")
    average_view_seconds = serializers.FloatField(allow_null=True, help_text="Of a view; null where none began.")
    peak_viewers = serializers.IntegerField(allow_null=True, help_text="The most who watched at once.")
    peak_estimated = serializers.IntegerField(allow_null=True, help_text="How many of these are an estimate.")
    peak_time = InstantField(allow_null=True)
    quality = QualitySerializer(
        read_only=True, allow_null=True, help_text="How it played; null where no player reported that."
    )
    watching_now = WatchingNowSerializer(read_only=True, allow_null=True, help_text="Null when it is over.")
    step_seconds = serializers.IntegerField(help_text="Of the curve: a minute, and more for very long broadcasts.")
    curve = PointSerializer(many=True, help_text="From the first step to the last one.")
    interruptions = BandSerializer(many=True)
    findings = PastFindingSerializer(many=True, help_text="Of the ingest doctor, in order; the newest fifty.")
    renditions = WatchedSerializer(many=True)
    devices = WatchedSerializer(many=True)
    countries = WatchedSerializer(many=True)

    def to_representation(self, report: SessionReport) -> JsonObject:
        session, watched = report.session, report.watched
        return {
            "id": str(session.pk),
            "livestream_id": str(session.livestream_id),
            "invoked_time": clock.isoformat(session.created_at),
            "started_time": _instant(session.started_at),
            "stopped_time": _instant(session.stopped_at),
            "ingest_seconds": session.ingest_seconds,
            "views": watched.views if watched else None,
            "viewer_seconds": watched.viewer_seconds if watched else None,
            "average_view_seconds": watched.average_ms / 1000 if watched and watched.average_ms is not None else None,
            "peak_viewers": watched.peak if watched else None,
            "peak_estimated": report.peak_estimated if watched else None,
            "peak_time": _instant(report.peak_at),
            "quality": told_quality(report.quality),
            "watching_now": WatchingNowSerializer().to_representation(report.now) if report.now else None,
            "step_seconds": report.step_s,
            "curve": [PointSerializer().to_representation(point) for point in report.points],
            "interruptions": [BandSerializer().to_representation(band) for band in report.bands],
            "findings": [PastFindingSerializer().to_representation(each) for each in report.findings],
            "renditions": _rows(report.renditions),
            "devices": _rows(report.devices),
            "countries": _rows(report.countries),
        }


class SessionReportView(AnalyticsApi):
    """/livestreams/sessions/{session_id}/report"""

    @operation("get_session_report", "Get the report of a session", answer=Answer(SessionReportSerializer))
    def get(self, request: Request, session_id: str, **path: str) -> Response:
        wanted = get_uuid(session_id, noun="livestream session")
        session = selectors.get_session(app=self.caller.app, session_id=wanted)
        report = get_session_report(session, app_ids=[self.caller.app.pk])
        return self.answer(SessionReportSerializer().to_representation(report))


def _rows(rows: Sequence[WatchedRow]) -> list[JsonObject]:
    shape = WatchedSerializer()
    return [shape.to_representation(row) for row in rows]


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else clock.isoformat(moment)
