"""What is written down of an encoder's faults: rows, the timeline, and what others hear."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from livehub.core import clock, events
from streams.livestreams.events import HealthChanged
from streams.livestreams.health_notes import known_faults, note_findings
from streams.livestreams.health_states import IngestHealth
from streams.livestreams.health_watch import DatedFault, HealthWatch
from streams.livestreams.lifecycle import note
from streams.livestreams.locks import LeaseLostError
from streams.livestreams.selectors import get_health
from streams.livestreams.selectors.health import list_findings
from streams.livestreams.services import create_livestream
from streams.livestreams.states import EventKind
from streams.media.doctor.doctor import Diagnosis, Reading
from streams.media.doctor.judgement import IngestFault
from streams.media.doctor.kinds import FindingKind, Severity
from streams.models import Connection, IngestFinding, Lease, Livestream, Session
from streams.organizations.services import SYSTEM, NewOrganization
from tests.runs import claimed, connected, ended, finished

_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
_SEVERAL = IngestFault(FindingKind.KEYFRAME_INTERVAL, Severity.WARNING, 8.3, since_ms=4_000)
_FAINT = IngestFault(FindingKind.LOUDNESS, Severity.INFO, -34.0, since_ms=9_000)


@pytest.fixture
def heard() -> Iterator[list[HealthChanged]]:
    found: list[HealthChanged] = []
    events.subscribe(HealthChanged, found.append)
    yield found
    events._subscribers[HealthChanged].pop()


def _dated(*faults: IngestFault, since: datetime | None = _NOON) -> list[DatedFault]:
    return [DatedFault(fault, since) for fault in faults]


def _story(session: Session) -> list[tuple[str, str]]:
    return [
        (kind, reason)
        for kind, reason in session.events.order_by("id").values_list("kind", "reason")
        if kind.startswith("fault")
    ]


@pytest.mark.django_db
class TestNoteFindings:
    def test_writes_rows_the_timeline_and_tells_others(self, session: Session, heard: list[HealthChanged]) -> None:
        note_findings(claimed(session), _dated(_FAINT, _SEVERAL))

        rows = {row.kind: row for row in session.findings.all()}
        assert rows.keys() == {"keyframe_interval", "loudness"}
        assert rows["keyframe_interval"].severity == "warning"
        assert rows["keyframe_interval"].since == _NOON
        told = "Key frames come only every 8.3 s, so viewers wait longer for the picture."
        assert _story(session) == [("fault_found", told)]
        (event,) = heard
        assert (event.health, event.session_id) == ("ok", session.pk)
        assert [(found.kind, found.value, found.unit) for found in event.findings] == [
            ("keyframe_interval", 8.3, "s"),
            ("loudness", -34.0, "LUFS"),
        ]

    def test_of_mere_notes_nobody_is_told(self, session: Session, heard: list[HealthChanged]) -> None:
        lease = claimed(session)

        note_findings(lease, _dated(_FAINT))
        note_findings(lease, [])

        assert (heard, _story(session)) == ([], [])
        assert session.findings.get().cleared_at is not None

    def test_changes_a_row_that_holds_and_keeps_its_beginning(
        self, session: Session, heard: list[HealthChanged]
    ) -> None:
        lease = claimed(session)
        note_findings(lease, _dated(_SEVERAL))

        note_findings(lease, _dated(IngestFault(FindingKind.KEYFRAME_INTERVAL, Severity.ERROR, 12.0), since=None))

        row = session.findings.get()
        assert (row.severity, row.value, row.since, row.cleared_at) == ("error", 12.0, _NOON, None)
        assert [event.health for event in heard] == ["ok", "bad"]
        assert len(_story(session)) == 1

    def test_clears_what_was_mended_and_begins_another_row_when_it_comes_back(
        self, session: Session, heard: list[HealthChanged]
    ) -> None:
        lease = claimed(session)
        for faults in ([_SEVERAL], [], [_SEVERAL]):
            note_findings(lease, _dated(*faults))

        assert [row.cleared_at is None for row in session.findings.order_by("id")] == [False, True]
        assert [kind for kind, _ in _story(session)] == ["fault_found", "fault_mended", "fault_found"]
        # What was wrong is not said as if it were.
        assert [why.startswith("No longer so: ") for _, why in _story(session)] == [False, True, False]
        assert [event.health for event in heard] == ["ok", "good", "ok"]

    def test_is_of_this_session_alone(
        self, session: Session, home: NewOrganization, heard: list[HealthChanged]
    ) -> None:
        other = connected(create_livestream(app=home.app, name="Another", actor=SYSTEM))
        note_findings(claimed(other), _dated(_FAINT))

        note_findings(claimed(session), [])
        assert other.findings.get().cleared_at is None
        note_findings(Lease.objects.get(pk=session.pk), _dated(_FAINT, _SEVERAL))

        assert [fault.kind for fault in known_faults(other)] == [FindingKind.LOUDNESS]
        assert [row.kind for row in list_findings(other)] == ["loudness"]
        assert other.findings.count() == 1
        assert [event.session_id for event in heard] == [session.pk]

    def test_is_left_to_who_holds_the_session(self, session: Session) -> None:
        lease = claimed(session)
        ended(session)

        with pytest.raises(LeaseLostError):
            note_findings(lease, _dated(_SEVERAL))

        assert not IngestFinding.objects.exists()

    def test_another_run_knows_what_holds(self, session: Session) -> None:
        note_findings(claimed(session), _dated(_SEVERAL))
        row = IngestFinding.objects.get()
        # Of a kind that this version does not have any more.
        IngestFinding.objects.create(
            session=session, kind="vanished", severity="info", value=1, since=_NOON, measured_at=_NOON
        )

        assert known_faults(session) == (IngestFault(FindingKind.KEYFRAME_INTERVAL, Severity.WARNING, row.value),)

    def test_is_no_interruption_and_does_not_end_one(self, session: Session) -> None:
        lease = claimed(session)
        note(session, EventKind.SILENT, reason="Nothing comes from it.")
        note_findings(lease, _dated(_SEVERAL))

        assert Session.objects.with_newest_event().get().newest_event == "silent"  # type: ignore[attr-defined]


class TestHealthWatch:
    def test_writes_what_came_or_went_at_once_and_values_seldom(self) -> None:
        watch = HealthWatch(())
        first = watch.take(Diagnosis(10_000, (_SEVERAL,)), now=_NOON)
        assert first == [DatedFault(_SEVERAL, _NOON - timedelta(seconds=6))]
        watch.note_try(was_written=True, now=_NOON)

        other_value = IngestFault(FindingKind.KEYFRAME_INTERVAL, Severity.WARNING, 9.0, since_ms=4_000)
        assert watch.take(Diagnosis(12_000, (other_value,)), now=_NOON + timedelta(seconds=2)) is None
        assert watch.take(Diagnosis(13_000, ()), now=_NOON + timedelta(seconds=3)) == []
        assert watch.take(Diagnosis(21_000, (other_value,)), now=_NOON + timedelta(seconds=11)) is not None

    def test_asks_a_database_that_is_away_only_now_and_then(self) -> None:
        watch = HealthWatch(())
        assert watch.take(Diagnosis(10_000, (_SEVERAL,)), now=_NOON)
        watch.note_try(was_written=False, now=_NOON)

        assert watch.take(Diagnosis(11_000, (_SEVERAL,)), now=_NOON + timedelta(seconds=1)) is None
        assert watch.take(Diagnosis(21_000, (_SEVERAL,)), now=_NOON + timedelta(seconds=11)) is not None

    def test_writes_values_though_the_clock_was_set_back(self) -> None:
        watch = HealthWatch(())
        watch.take(Diagnosis(10_000, (_SEVERAL,)), now=_NOON)
        watch.note_try(was_written=True, now=_NOON)
        other_value = IngestFault(FindingKind.KEYFRAME_INTERVAL, Severity.WARNING, 9.0, since_ms=4_000)

        assert watch.take(Diagnosis(12_000, (other_value,)), now=_NOON - timedelta(hours=1)) is not None

    def test_writes_nothing_that_is_written(self) -> None:
        watch = HealthWatch((_SEVERAL,))

        assert watch.take(Diagnosis(10_000, (_SEVERAL,)), now=_NOON) is None

    def test_dates_what_was_measured(self) -> None:
        watch = HealthWatch(())

        watch.take(Diagnosis(10_000, (), {FindingKind.CLOCK_DRIFT: Reading(-310, 7_500)}), now=_NOON)

        assert watch.readings == {"drift_ppm": {"value": -310, "at": "2026-11-23T11:59:57.500Z"}}


@pytest.mark.django_db
class TestHealth:
    def test_is_not_known_before_the_first_broadcast(self, livestream: Livestream) -> None:
        found = get_health(livestream)

        assert (found.health, found.offline_since, found.findings) == (IngestHealth.NO_DATA, None, ())
        assert set(found.measured.values()) == {None}

    def test_is_by_the_worst_finding_while_the_encoder_sends(self, livestream: Livestream) -> None:
        session = connected(livestream)
        Connection.objects.update(measured={"fps": 30.0, "video_kbps": 0}, media_ms=5_000)
        assert get_health(livestream).health == IngestHealth.GOOD
        note_findings(claimed(session), _dated(_SEVERAL))

        found = get_health(livestream)

        assert found.health == IngestHealth.OK
        measured = found.measured
        assert measured["fps"] is not None
        assert (measured["fps"].value, measured["video_kbps"]) == (30.0, None)

    def test_keeps_the_last_values_and_says_since_when_it_is_offline(self, livestream: Livestream) -> None:
        session = connected(livestream)
        note_findings(claimed(session), _dated(_SEVERAL))
        Connection.objects.update(measured={"fps": 25.0, "gop_s": 8.3})
        finished(session)
        left_at = Connection.objects.get().disconnected_at

        found = get_health(livestream)

        assert (found.health, found.offline_since) == (IngestHealth.NO_DATA, left_at)
        assert found.measured["keyframe_interval_s"] is not None
        assert [row.kind for row in found.findings] == ["keyframe_interval"]
        assert left_at is not None
        assert left_at <= clock.now()
