"""Recordings: begun and ended, by themselves and by hand."""

from datetime import timedelta

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks as Capture
from pytest_django import Settings

from livehub.core import clock, events
from livehub.core.errors import NotFoundError, ValidationFailedError
from streams.livestreams import leases
from streams.livestreams.services import create_livestream
from streams.livestreams.states import EndReason, OutputType
from streams.models import AuditEntry, Livestream, Output, Recording, Session
from streams.organizations.services import SYSTEM, Actor
from streams.recordings import services, sweeps
from streams.recordings.events import RecordingStatusChanged
from streams.recordings.policies import change_recording, is_recorded
from streams.recordings.services import (
    NewRecording,
    NothingToRecordError,
    RecordingActiveError,
    RecordingOverError,
)
from tests.conftest import Broker
from tests.recordings.broadcast import is_over, went_live
from tests.runs import admitted_test_picture, connected, ended


@pytest.fixture
def told() -> list[tuple[str, str]]:
    """Old and new status of every step, in order."""
    steps: list[tuple[str, str]] = []
    events.subscribe(RecordingStatusChanged, lambda event: steps.append((event.old, event.status)))
    return steps


class TestAutomatic:
    def test_begins_when_the_broadcast_is_live_and_ends_with_it(
        self, session: Session, livestream: Livestream, told: list[tuple[str, str]], capture: Capture, broker: Broker
    ) -> None:
        lease = went_live(session)

        recording = Recording.objects.get()
        assert (recording.livestream, recording.session, recording.status) == (livestream, session, "invoked")
        assert (recording.origin, recording.start_reason, recording.node) == ("automatic", "record_on_start", "main")

        with capture(execute=True):
            is_over(lease)

        recording.refresh_from_db()
        assert (recording.status, recording.stop_reason) == ("uploading", "broadcast_ended")
        assert told == [("", "invoked"), ("invoked", "uploading")]
        assert ("streams.advance_recording", "recordings.main") in broker.queues

    def test_goes_on_over_a_reconnection(self, session: Session) -> None:
        Livestream.objects.update(reconnect_window_s=60)
        lease = went_live(session)
        leases.mark_away(lease, reason=EndReason.ENCODER_LOST)

        leases.mark_back(lease)

        assert Recording.objects.get().is_active

    def test_is_named_after_its_livestream_and_the_time(self, session: Session, livestream: Livestream) -> None:
        went_live(session)

        recording = Recording.objects.get()
        at_ms = clock.epoch_ms(recording.invoked_at)
        stem, _, suffix = recording.output_file_name.rpartition(".")
        owner, _, named_ms = stem.rpartition("_")
        assert (owner, suffix) == (str(livestream.pk), "mp4")
        assert abs(int(named_ms) - at_ms) < 1000

    def test_is_as_its_own_livestream_says(self, session: Session, livestream: Livestream) -> None:
        other = create_livestream(app=livestream.app, name="Town hall", actor=SYSTEM)
        change_recording(livestream=other, actor=SYSTEM, is_recorded=False, file_name_prefix="other", retention_s=7)

        went_live(session)

        recording = Recording.objects.get()
        assert (recording.livestream, recording.retention_s) == (livestream, 0)
        assert not recording.output_file_name.startswith("other")
        assert (is_recorded(livestream), is_recorded(other)) == (True, False)

    def test_is_not_made_where_the_archive_is_off(self, session: Session) -> None:
        Output.objects.filter(type=OutputType.ARCHIVE).update(enabled=False)

        went_live(session)

        assert not Recording.objects.exists()

    def test_is_not_made_where_the_instance_makes_none(self, session: Session, settings: Settings) -> None:
        settings.RECORD_AUTOMATICALLY = False

        went_live(session)

        assert not Recording.objects.exists()

    def test_is_not_made_of_a_test_picture(self, livestream: Livestream) -> None:
        went_live(admitted_test_picture(livestream))

        assert not Recording.objects.exists()


class TestStart:
    @pytest.fixture(autouse=True)
    def by_call_alone(self, settings: Settings) -> None:
        settings.RECORD_AUTOMATICALLY = False

    def _start(self, livestream: Livestream, **values: object) -> Recording:
        new = NewRecording(**values)  # type: ignore[arg-type]  # As each test says.
        return services.start_recording(livestream=livestream, new=new, actor=SYSTEM)

    def test_begins_at_that_moment(self, session: Session, livestream: Livestream) -> None:
        went_live(session)
        before_ms = clock.epoch_ms(clock.now())

        recording = self._start(livestream, file_name_prefix="keynote")

        assert recording.from_ms is not None
        assert before_ms <= recording.from_ms <= clock.epoch_ms(clock.now())
        assert recording.output_file_name.startswith(f"keynote_{livestream.pk}_")
        assert AuditEntry.objects.filter(action="recording.started", target_id=recording.pk).exists()

    def test_is_refused_where_nothing_is_broadcast(self, livestream: Livestream) -> None:
        with pytest.raises(NothingToRecordError):
            self._start(livestream)

    def test_waits_for_a_broadcast_where_it_may(self, livestream: Livestream) -> None:
        recording = self._start(livestream, may_wait=True)

        session = connected(livestream)
        went_live(session)

        recording.refresh_from_db()
        assert (recording.session, recording.status) == (session, "invoked")

    def test_is_taken_where_the_broadcast_is_that_it_has_waited_for(
        self, livestream: Livestream, settings: Settings
    ) -> None:
        settings.NODE = "elsewhere"
        made = services.start_recording(livestream=livestream, new=NewRecording(may_wait=True), actor=SYSTEM)

        session = connected(livestream)
        went_live(session)

        made.refresh_from_db()
        assert (made.session, made.node) == (session, "main")

    def test_is_refused_beside_another_unless_a_further_one_is_wanted(
        self, session: Session, livestream: Livestream
    ) -> None:
        went_live(session)
        first = self._start(livestream)

        with pytest.raises(RecordingActiveError):
            self._start(livestream)
        further = self._start(livestream, allows_multiple=True)

        assert first.output_file_name != further.output_file_name
        assert set(Recording.objects.active()) == {first, further}

    @pytest.mark.parametrize(
        ("name", "value"),
        [("max_seconds", 59), ("max_seconds", 86_401), ("file_name_prefix", "a/b"), ("file_name_prefix", "a\nb")],
    )
    def test_says_what_cannot_be_used(self, livestream: Livestream, name: str, value: object) -> None:
        with pytest.raises(ValidationFailedError) as refusal:
            self._start(livestream, **{name: value})

        assert [*refusal.value.fields] == [name]


class TestByHand:
    @pytest.fixture
    def recording(self, session: Session) -> Recording:
        went_live(session)
        return Recording.objects.get()

    def test_pauses_and_goes_on(self, recording: Recording) -> None:
        services.pause_recording(recording_id=recording.pk, actor=SYSTEM)
        paused = services.pause_recording(recording_id=recording.pk, actor=SYSTEM)
        assert (paused.status, len(paused.pauses), paused.pauses[0][1]) == ("paused", 1, None)

        services.resume_recording(recording_id=recording.pk, actor=SYSTEM)
        resumed = services.resume_recording(recording_id=recording.pk, actor=SYSTEM)

        ((began_ms, end_ms),) = resumed.pauses
        assert (resumed.status, began_ms <= end_ms) == ("recording", True)

    def test_stops_once(self, recording: Recording, told: list[tuple[str, str]], home: object) -> None:
        first = services.stop_recording(recording_id=recording.pk, actor=Actor())
        second = services.stop_recording(recording_id=recording.pk, actor=Actor())

        assert (first.status, second.stopped_at, second.stop_reason) == ("uploading", first.stopped_at, "api_call")
        assert told == [("invoked", "uploading")]
        with pytest.raises(RecordingOverError):
            services.pause_recording(recording_id=recording.pk, actor=SYSTEM)
        with pytest.raises(RecordingOverError):
            services.resume_recording(recording_id=recording.pk, actor=SYSTEM)

    def test_leaves_a_stopped_one_as_it_was_when_the_broadcast_ends(self, recording: Recording) -> None:
        stopped = services.stop_recording(recording_id=recording.pk, actor=SYSTEM)

        ended(Session.objects.get())

        recording.refresh_from_db()
        assert (recording.stopped_at, recording.stop_reason) == (stopped.stopped_at, "api_call")

    def test_is_deleted_when_it_is_over(self, recording: Recording, capture: Capture, broker: Broker) -> None:
        with pytest.raises(RecordingActiveError):
            services.delete_recording(recording_id=recording.pk, actor=SYSTEM)
        services.stop_recording(recording_id=recording.pk, actor=SYSTEM)

        with capture(execute=True):
            services.delete_recording(recording_id=recording.pk, actor=SYSTEM)

        assert broker.names == ["streams.erase_recording"]
        assert not Recording.objects.existing().exists()
        with pytest.raises(NotFoundError):
            services.stop_recording(recording_id=recording.pk, actor=SYSTEM)


class TestSweep:
    def test_calls_for_what_is_unfinished(self, session: Session, capture: Capture, broker: Broker) -> None:
        went_live(session)

        with capture(execute=True):
            sweeps.sweep_recordings()

        recording = Recording.objects.get()
        assert broker.arguments == [("streams.advance_recording", {"recording_id": str(recording.pk)})]

    def test_calls_nobody_for_what_waits_for_a_broadcast(
        self, livestream: Livestream, capture: Capture, broker: Broker
    ) -> None:
        services.start_recording(livestream=livestream, new=NewRecording(may_wait=True), actor=SYSTEM)

        with capture(execute=True):
            sweeps.sweep_recordings()

        assert broker.names == []

    def test_deletes_what_has_run_out(self, session: Session) -> None:
        went_live(session)
        ended(session)
        Recording.objects.update(status="uploaded", expires_at=clock.now() - timedelta(seconds=1))

        sweeps.sweep_recordings()

        assert Recording.objects.get().deleted_at is not None

    def test_gives_up_what_no_broadcast_came_for(self, livestream: Livestream) -> None:
        new = NewRecording(may_wait=True)
        services.start_recording(livestream=livestream, new=new, actor=SYSTEM)
        Recording.objects.update(invoked_at=clock.now() - timedelta(days=2))

        sweeps.sweep_recordings()

        assert Recording.objects.get().status == "uploading"
