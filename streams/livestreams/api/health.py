"""How good what an encoder sends is, as `/v2` tells it."""

from collections.abc import Mapping
from typing import ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from livehub.api.dialect import JsonObject
from livehub.api.fields import InstantField
from livehub.api.operations import Answer, operation
from livehub.core import clock
from streams.livestreams import selectors
from streams.livestreams.api.views import LivestreamApi
from streams.livestreams.health_states import FindingSeverity, IngestHealth
from streams.livestreams.models import IngestFinding
from streams.livestreams.selectors import HealthScreen
from streams.livestreams.selectors.health import MeasuredValue
from streams.media.doctor.kinds import FindingKind


class FixSerializer(serializers.Serializer[IngestFinding]):
    """What mends it."""

    examples: ClassVar[Mapping[str, object]] = {
        "obs": "Set Settings > Output > Keyframe Interval to 2 s, with Output Mode Advanced; 0 (auto) is 250 frames.",
        "ffmpeg": "Add -g with twice the frame rate, and -sc_threshold 0: at 30 frames a second -g 60.",
    }

    obs = serializers.CharField(read_only=True, help_text="In OBS Studio.")
    ffmpeg = serializers.CharField(read_only=True, help_text="In ffmpeg's command line.")


class FindingSerializer(serializers.Serializer[IngestFinding]):
    """One fault of what the encoder sends."""

    examples: ClassVar[Mapping[str, object]] = {
        "kind": "keyframe_interval",
        "severity": "warning",
        "value": 8.3,
        "unit": "s",
        "message": "Key frames come only every 8.3 s, so viewers wait longer for the picture.",
        "threshold_source": "YouTube, live encoder settings: four seconds or less",
    }

    kind = serializers.CharField(read_only=True, help_text=f"{', '.join(FindingKind)}.")
    severity = serializers.CharField(read_only=True, help_text=f"{', '.join(FindingSeverity.values)}.")
    value = serializers.FloatField(read_only=True)
    unit = serializers.CharField(read_only=True)
    since = InstantField()
    as_of = InstantField(help_text="When the value was measured.")
    message = serializers.CharField(read_only=True, help_text="What is wrong, in a sentence.")
    fix = FixSerializer()
    threshold_source = serializers.CharField(read_only=True, help_text="Who says from where on it is a fault.")

    def to_representation(self, finding: IngestFinding) -> JsonObject:
        return {
            "kind": finding.kind,
            "severity": finding.severity,
            "value": finding.value,
            "unit": finding.unit,
            "since": clock.isoformat(finding.since),
            "as_of": clock.isoformat(finding.measured_at),
            "message": finding.message,
            "fix": {"obs": finding.fix_obs, "ffmpeg": finding.fix_ffmpeg},
            "threshold_source": finding.source,
        }


class MeasuredValueSerializer(serializers.Serializer[MeasuredValue]):
    """A value, and when it was measured."""

    examples: ClassVar[Mapping[str, object]] = {"value": 30.0, "unit": "fps"}

    value = serializers.FloatField(read_only=True)
    unit = serializers.CharField(read_only=True)
    as_of = InstantField()


class MeasuredSerializer(serializers.Serializer[HealthScreen]):
    """What comes, or came last; null for what is not known."""

    fps = MeasuredValueSerializer(allow_null=True)
    video_kbps = MeasuredValueSerializer(allow_null=True)
    audio_kbps = MeasuredValueSerializer(allow_null=True)
    keyframe_interval_s = MeasuredValueSerializer(allow_null=True)
    drift_ppm = MeasuredValueSerializer(allow_null=True, help_text="Of the encoder's clock; known after 5 minutes.")
    jitter_s = MeasuredValueSerializer(allow_null=True, help_text="How late media comes, in bursts.")
    av_skew_ms = MeasuredValueSerializer(allow_null=True, help_text="How much later sound is sent than its picture.")
    frames_missing_percent = MeasuredValueSerializer(allow_null=True, help_text="Of the last 10 seconds.")
    loudness_lufs = MeasuredValueSerializer(allow_null=True, help_text="Of the last 3 seconds.")


class HealthSerializer(serializers.Serializer[HealthScreen]):
    """How good what the encoder sends is, or was when it sent last."""

    examples: ClassVar[Mapping[str, object]] = {"status": "ok", "session_id": None, "offline_since": None}

    status = serializers.CharField(
        read_only=True,
        help_text=f"{', '.join(IngestHealth.values)}: by the worst finding; no_data while nobody sends.",
    )
    session_id = serializers.UUIDField(allow_null=True, help_text="Of the newest broadcast; null before the first.")
    offline_since = InstantField(allow_null=True, help_text="Since when nothing comes; null while something does.")
    findings = FindingSerializer(many=True, help_text="The worst first; of an encoder that is away, as it left.")
    measured = MeasuredSerializer()

    def to_representation(self, screen: HealthScreen) -> JsonObject:
        offline_since = screen.offline_since
        return {
            "status": screen.health.value,
            "session_id": str(screen.session.pk) if screen.session is not None else None,
            "offline_since": clock.isoformat(offline_since) if offline_since is not None else None,
            "findings": [FindingSerializer().to_representation(finding) for finding in screen.findings],
            "measured": {name: _value(value) for name, value in screen.measured.items()},
        }


class LivestreamHealthView(LivestreamApi):
    """/livestreams/{livestream_id}/health"""

    @operation(
        "get_livestream_health",
        "Tell what is wrong with what the encoder sends, what mends it, and what is measured",
        answer=Answer(HealthSerializer),
    )
    def get(self, request: Request, livestream_id: str, **path: str) -> Response:
        found = selectors.get_health(self.get_livestream(livestream_id))
        return self.answer(HealthSerializer().to_representation(found))


def _value(measured: MeasuredValue | None) -> JsonObject | None:
    if measured is None:
        return None
    as_of = measured.as_of if isinstance(measured.as_of, str) else clock.isoformat(measured.as_of)
    return {"value": measured.value, "unit": measured.unit, "as_of": as_of}
