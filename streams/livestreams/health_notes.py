"""What a run writes down of its encoder's faults, beside its timeline."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db import transaction

from livehub.core import clock, events
from streams.livestreams.events import FoundFault, HealthChanged
from streams.livestreams.health_states import FindingSeverity, health_of
from streams.livestreams.health_watch import DatedFault
from streams.livestreams.lifecycle import note, tell_pages
from streams.livestreams.locks import lock_held_session
from streams.livestreams.models import IngestFinding, Lease, Session
from streams.livestreams.states import EventKind
from streams.media.doctor.judgement import IngestFault
from streams.media.doctor.kinds import Severity
from streams.organizations.services import SYSTEM

# What is only worth a look is on the page, and tells nobody.
_TOLD = frozenset({FindingSeverity.WARNING.value, FindingSeverity.ERROR.value})
_SEVERITIES = {severity.word: severity for severity in Severity}


def known_faults(session: Session) -> tuple[IngestFault, ...]:
    """Return what earlier runs of the session have found, and was not mended."""
    return tuple(
        IngestFault(row.of_kind, _SEVERITIES[row.severity], row.value, row.detail)
        for row in IngestFinding.objects.holding().filter(session=session)
    )


@transaction.atomic
def note_findings(lease: Lease, found: Sequence[DatedFault]) -> bool:
    """Write down all that is wrong now; what is not among it is mended. Returns True.

    Side effects: rows; where warnings or errors came or went, entries of the timeline and `HealthChanged`.

    :raises LeaseLostError: when the session is over or another worker's.
    """
    session = lock_held_session(lease)
    now = clock.now()
    before = {row.kind: row for row in IngestFinding.objects.holding().filter(session=session)}
    told_before = _told(before.values())
    kinds = {dated.fault.kind.value for dated in found}
    gone = [row for kind, row in before.items() if kind not in kinds]
    IngestFinding.objects.filter(pk__in=[row.pk for row in gone]).update(cleared_at=now)
    after = [_write(session, dated, before, now=now) for dated in found]
    if told_before == _told(after):
        tell_pages(session.livestream)
    else:
        _tell(session, told_before, after, gone=gone, at=now)
    return True


def _write(session: Session, dated: DatedFault, before: Mapping[str, IngestFinding], *, now: datetime) -> IngestFinding:
    """Return the row of a fault as it is now."""
    fault = dated.fault
    row = before.get(fault.kind.value)
    if row is None:
        row = IngestFinding(session=session, kind=fault.kind.value, since=dated.since or now)
    row.severity, row.value, row.detail, row.measured_at = fault.severity.word, fault.value, fault.detail, now
    row.save()
    return row


def _told(rows: Iterable[IngestFinding]) -> dict[str, str]:
    return {row.kind: row.severity for row in rows if row.severity in _TOLD}


def _tell(
    session: Session,
    told_before: Mapping[str, str],
    after: Sequence[IngestFinding],
    *,
    gone: Sequence[IngestFinding],
    at: datetime,
) -> None:
    for row in after:
        if row.severity in _TOLD and row.kind not in told_before:
            note(session, EventKind.FAULT_FOUND, reason=row.message)
        elif row.severity not in _TOLD and row.kind in told_before:
            note(session, EventKind.FAULT_MENDED, reason=f"No longer so: {row.message}")
    for row in gone:
        if row.kind in told_before:
            note(session, EventKind.FAULT_MENDED, reason=f"No longer so: {row.message}")
    worst_first = sorted(after, key=lambda row: -_SEVERITIES[row.severity])
    told = [FoundFault(row.kind, row.severity, row.value, row.unit, row.message, row.since) for row in worst_first]
    events.publish(
        HealthChanged.of(
            session.livestream,
            at=at,
            actor=SYSTEM,
            session_id=session.pk,
            health=health_of(row.severity for row in worst_first).value,
            findings=tuple(told),
        )
    )
