"""When a run writes down what is wrong with what its encoder sends: at once where something came or went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from livehub.core import clock
from streams.media.doctor.doctor import Diagnosis
from streams.media.doctor.judgement import IngestFault
from streams.media.doctor.kinds import FindingKind, Severity

# Values alone are written this often; and after a database that did not answer, all is.
_SELDOM = timedelta(seconds=10)
# What is measured beside `Measured`, as it is called in the rows.
_READINGS = {
    FindingKind.CLOCK_DRIFT: "drift_ppm",
    FindingKind.NETWORK_JITTER: "jitter_s",
    FindingKind.AV_SKEW: "av_skew_ms",
    FindingKind.FRAMES_MISSING: "frames_missing_percent",
    FindingKind.LOUDNESS: "loudness_lufs",
}


@dataclass(frozen=True)
class DatedFault:
    """A fault, and since when there is one; None for one that an earlier run has dated."""

    fault: IngestFault
    since: datetime | None


class HealthWatch:
    """Takes in each diagnosis of a run, and says what is to be written; times are the clock's."""

    def __init__(self, known: Sequence[IngestFault]) -> None:
        self._written: Sequence[IngestFault] = tuple(known)
        self._offered: Sequence[IngestFault] = ()
        # Before then nothing is written after a failure, and no mere value after a success.
        self._again_at: datetime | None = None
        self._values_at: datetime | None = None
        # What was measured, each with when that was; JSON.
        self.readings: Mapping[str, Mapping[str, object]] = {}

    def take(self, diagnosis: Diagnosis, *, now: datetime) -> list[DatedFault] | None:
        """Return all that is wrong now if it is to be written, else None."""
        self.readings = {
            name: {"value": reading.value, "at": clock.isoformat(_moment(reading.at_ms, diagnosis, now))}
            for kind, name in _READINGS.items()
            if (reading := diagnosis.readings.get(kind)) is not None
        }
        is_another = _severities(diagnosis.findings) != _severities(self._written)
        not_before = self._again_at if is_another else self._values_at
        # What is further away than it was ever put off was said by a clock that has been set back since.
        is_early = not_before is not None and timedelta(0) < not_before - now <= _SELDOM
        if diagnosis.findings == self._written or is_early:
            return None
        self._offered = diagnosis.findings
        return [
            DatedFault(fault, None if fault.since_ms is None else _moment(fault.since_ms, diagnosis, now))
            for fault in diagnosis.findings
        ]

    def note_try(self, *, was_written: bool, now: datetime) -> None:
        """Take in what became of what was returned last."""
        self._again_at = None if was_written else now + _SELDOM
        self._values_at = now + _SELDOM
        if was_written:
            self._written = self._offered


def _severities(faults: Sequence[IngestFault]) -> dict[FindingKind, Severity]:
    return {fault.kind: fault.severity for fault in faults}


def _moment(at_ms: float, diagnosis: Diagnosis, now: datetime) -> datetime:
    return now - timedelta(milliseconds=diagnosis.at_ms - at_ms)
