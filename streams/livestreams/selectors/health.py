"""How good what an encoder sends is, or was when it sent last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from streams.livestreams.health_states import FindingSeverity, IngestHealth, health_of
from streams.livestreams.models import Connection, IngestFinding, Livestream, Session
from streams.livestreams.selectors.sessions import list_sessions
from streams.media.doctor.kinds import FindingKind

# Of one broadcast, on its page: an encoder that changes its mind each minute makes hundreds.
_PAST_SHOWN = 50
_ORDER = [FindingSeverity.ERROR, FindingSeverity.WARNING, FindingSeverity.INFO]


@dataclass(frozen=True)
class MeasuredValue:
    """A value and when it was measured; None for what is not known."""

    value: float
    unit: str
    as_of: datetime | str


@dataclass(frozen=True)
class HealthScreen:
    """Of the newest broadcast, None where there has been none; findings that hold, or held at its end, worst first."""

    session: Session | None
    findings: Sequence[IngestFinding] = ()

    @property
    def connection(self) -> Connection | None:
        return self.session.connection if self.session is not None else None

    @property
    def is_sending(self) -> bool:
        return (
            self.session is not None and self.session.is_open and bool(self.connection and self.connection.is_sending)
        )

    @property
    def health(self) -> IngestHealth:
        """Nothing is known of an encoder that does not send."""
        if not self.is_sending or self.connection is None or not self.connection.measured:
            return IngestHealth.NO_DATA
        return health_of(finding.severity for finding in self.findings)

    @property
    def offline_since(self) -> datetime | None:
        """Since when nothing comes, None while something does, or where nothing ever came."""
        if self.is_sending or self.connection is None:
            return None
        return self.connection.disconnected_at or self.connection.last_seen_at

    @property
    def measured(self) -> Mapping[str, MeasuredValue | None]:
        """What was measured last, by name; zeros stand for what does not come, which is not known."""
        connection = self.connection
        values: Mapping[str, Any] = connection.measured if connection is not None else {}
        seen_at = connection.last_seen_at if connection is not None else None
        plain = {
            name: MeasuredValue(values[key], unit, seen_at) if seen_at is not None and values.get(key) else None
            for name, (key, unit) in _PLAIN.items()
        }
        readings: Mapping[str, Mapping[str, Any]] = values.get("readings") or {}
        dated = {
            name: MeasuredValue(readings[name]["value"], unit, readings[name]["at"]) if name in readings else None
            for name, unit in _DATED.items()
        }
        return {**plain, **dated}


# By the name that people are told: what it is called in the row, and its unit.
_PLAIN = {
    "fps": ("fps", "fps"),
    "video_kbps": ("video_kbps", "kbit/s"),
    "audio_kbps": ("audio_kbps", "kbit/s"),
    "keyframe_interval_s": ("gop_s", "s"),
}
_DATED = {
    "drift_ppm": "ppm",
    "jitter_s": "s",
    "av_skew_ms": "ms",
    "frames_missing_percent": "%",
    "loudness_lufs": "LUFS",
}


def get_health(livestream: Livestream) -> HealthScreen:
    """Return how good the newest broadcast's encoder is, or was; three queries."""
    session = next(iter(list_sessions(livestream)[:1]), None)
    return HealthScreen(session, list_findings(session)) if session is not None else HealthScreen(None)


def list_findings(session: Session) -> list[IngestFinding]:
    """Return what is wrong with what the session's encoder sends, or was at its end, worst first."""
    return sorted(
        IngestFinding.objects.holding().filter(session=session),
        key=lambda finding: (_ORDER.index(FindingSeverity(finding.severity)), finding.since),
    )


def list_past_findings(session: Session) -> list[IngestFinding]:
    """Return all that was ever found wrong with what the session's encoder sent, the newest of them, in order."""
    found = IngestFinding.objects.filter(session=session, kind__in=list(FindingKind)).order_by("-since", "-id")
    rows = list(reversed(found[:_PAST_SHOWN]))
    for row in rows:
        row.session = session
    return rows
