"""What cannot be taken of a broadcast is told, wherever in it that was; and a slow store costs nothing."""

import shutil
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from django.conf import settings as live_settings
from pytest_django import DjangoCaptureOnCommitCallbacks as Capture
from pytest_django import Settings

from livehub.core import clock
from livehub.core.errors import StaleStatusError
from livehub.stack.ports import free_port
from streams.models import Lease, RecordedSegment, Recording, Session
from streams.organizations.services import SYSTEM, NewOrganization
from streams.recordings import advancing, sending, services, spool, storing, sweeps, taking
from streams.recordings.advancing import advance_recording, erase_recording, free_leases_of_this_node
from streams.recordings.storage_services import create_storage_target, delete_storage_target
from streams.recordings.stores.base import StoreError
from tests.conftest import Broker
from tests.queues import untaken
from tests.recordings.broadcast import MadeBroadcast, folder_of, is_over, went_live

_PART = 60_000


@pytest.fixture
def lease(session: Session) -> Lease:
    return went_live(session)


@pytest.fixture
def broadcast(session: Session, lease: Lease) -> MadeBroadcast:
    return MadeBroadcast(session, began_ms=clock.epoch_ms(clock.now()))


@pytest.fixture
def recording(lease: Lease) -> Recording:
    Recording.objects.update(part_size=_PART)
    return Recording.objects.get()


def _advanced(recording: Recording) -> Recording:
    advance_recording(recording_id=recording.pk)
    recording.refresh_from_db()
    return recording


def _finished(recording: Recording, broadcast: MadeBroadcast, lease: Lease) -> Recording:
    broadcast.end()
    is_over(lease)
    return _advanced(recording)


def _spooled(recording: Recording) -> list[Path]:
    return sorted(Path(live_settings.RECORDING_SPOOL_DIR).glob(f"{recording.pk.hex}/*"))


class TestAtTheEnds:
    def test_what_is_lost_at_the_end_is_told(
        self, recording: Recording, broadcast: MadeBroadcast, lease: Lease, settings: Settings
    ) -> None:
        broadcast.add(3)
        _advanced(recording)
        settings.DISK_STOP_MB = 10_000_000
        broadcast.add(2)
        _advanced(recording)
        _finished(recording, broadcast, lease)

        assert (recording.status, recording.is_verified) == ("uploaded", False)
        assert recording.problem.startswith("2.0 s of the broadcast are missing, in 1 place")
        (gap,) = recording.gaps
        assert (gap["reason"], gap["at_us"]) == ("disk_full", recording.duration_us)

    def test_what_is_lost_at_the_beginning_is_told(
        self, recording: Recording, broadcast: MadeBroadcast, lease: Lease, session: Session
    ) -> None:
        broadcast.add(4)
        for slot in ("v0", "a0"):
            (folder_of(session) / slot / "1-0.m4s").unlink()

        _finished(recording, broadcast, lease)

        (gap,) = recording.gaps
        assert (gap["at_us"], gap["reason"]) == (0, "files_gone")
        assert gap["length_us"] == pytest.approx(1_000_000, abs=50_000)
        assert (recording.status, recording.is_verified) == ("uploaded", False)

    def test_the_broadcasts_files_as_a_whole_are_missed(
        self, recording: Recording, broadcast: MadeBroadcast, lease: Lease, session: Session
    ) -> None:
        broadcast.add(3)
        _advanced(recording)
        shutil.rmtree(folder_of(session))
        is_over(lease)
        # It went on for long after what was taken.
        began_at = clock.now() - timedelta(seconds=100)
        Session.objects.update(started_at=began_at, stopped_at=clock.now() + timedelta(seconds=60))
        _advanced(recording)
        _advanced(recording)

        assert (recording.status, recording.is_verified) == ("uploaded", False)
        assert [gap["reason"] for gap in recording.gaps] == ["files_gone"]

    def test_all_of_it_gone_is_a_failure_with_its_reason(
        self, recording: Recording, broadcast: MadeBroadcast, lease: Lease, session: Session
    ) -> None:
        broadcast.add(3)
        for slot in ("v0", "a0"):
            for path in (folder_of(session) / slot).glob("1-*.m4s"):
                path.unlink()

        _finished(recording, broadcast, lease)

        assert recording.status == "errored"
        assert "its files were gone before they could be taken" in recording.problem

    def test_a_slate_at_the_end_is_no_loss(self, recording: Recording, broadcast: MadeBroadcast, lease: Lease) -> None:
        broadcast.add(2)
        broadcast.cut(shows_slate=True)
        broadcast.add(2)

        _finished(recording, broadcast, lease)

        assert (recording.is_verified, recording.gaps) == (True, [])


class TestWhileAStoreIsSlow:
    def test_what_is_broadcast_meanwhile_is_kept(
        self, recording: Recording, broadcast: MadeBroadcast, lease: Lease, session: Session
    ) -> None:
        broadcast.add(2)
        _advanced(recording)
        # Somebody sends.
        Recording.objects.update(advancing_until=clock.now().replace(year=2100))
        broadcast.add(2)
        _advanced(recording)
        for path in folder_of(session).glob("*/1-*.m4s"):
            path.unlink()
        free_leases_of_this_node()

        _finished(recording, broadcast, lease)

        assert (recording.is_verified, recording.gaps) == (True, [])
        assert recording.duration_us == pytest.approx(4_000_000, abs=100_000)

    def test_what_is_paused_is_not_kept(self, recording: Recording, broadcast: MadeBroadcast) -> None:
        services.pause_recording(recording_id=recording.pk, actor=SYSTEM)
        began_ms = clock.epoch_ms(recording.invoked_at)
        Recording.objects.update(pauses=[[began_ms - 5_000, None]], advancing_until=clock.now().replace(year=2100))
        broadcast.add(2)

        _advanced(recording)

        assert _spooled(recording) == []


class TestTwoAtOnce:
    def test_begin_one_upload(self, recording: Recording, broadcast: MadeBroadcast, tmp_path: Path) -> None:
        broadcast.add(4)
        taking.take(recording)
        held_up = Recording.objects.get()
        store = storing.folder_store()
        sending.send(recording, store, renew=lambda: None)
        sent = Recording.objects.get().upload_token

        with pytest.raises(StaleStatusError):
            sending.send(held_up, store, tail=b"its end", renew=lambda: None)

        assert Recording.objects.get().upload_token == sent
        assert [path.name for path in (tmp_path / "recordings").rglob("*.part")] == [
            f".{recording.output_file_name}.{sent}.part"
        ]

    def test_another_process_goes_on_where_the_first_stopped(
        self, recording: Recording, broadcast: MadeBroadcast, lease: Lease
    ) -> None:
        broadcast.add(3)
        _advanced(recording)
        # It remembers nothing of what was read.
        taking._followers.take_out(recording.pk, folder=Path("forgotten"))
        broadcast.add(2)

        _finished(recording, broadcast, lease)

        assert (recording.is_verified, RecordedSegment.objects.count()) == (True, 10)

    def test_what_a_hung_worker_had_is_taken_up(self, recording: Recording, broadcast: MadeBroadcast) -> None:
        broadcast.add(2)
        Recording.objects.update(advancing_until=clock.now() - timedelta(minutes=1))

        _advanced(recording)

        assert RecordedSegment.objects.count() == 4
        assert recording.advancing_until is None

    def test_a_deleted_one_is_sent_no_further(self, recording: Recording, broadcast: MadeBroadcast) -> None:
        broadcast.add(6)
        taking.take(recording)
        services.stop_recording(recording_id=recording.pk, actor=SYSTEM)
        held = advancing._claim(recording.pk)
        assert held is not None
        services.delete_recording(recording_id=recording.pk, actor=SYSTEM)

        with pytest.raises(advancing.TakenOverError):
            sending.send(held, storing.folder_store(), renew=lambda: advancing._renew(held))

        assert held.parts.count() == 0


class TestWhatIsLeft:
    def test_what_is_not_stored_yet_and_what_the_first_part_is_sent_again_of(
        self, recording: Recording, broadcast: MadeBroadcast
    ) -> None:
        for _ in range(8):
            broadcast.add(1)
            _advanced(recording)

        sent = sum(part.size for part in recording.parts.all())
        unsent = [segment for segment in recording.segments.all() if segment.offset + segment.size > sent]
        of_first = [segment for segment in recording.segments.all() if segment.offset < _PART]
        assert 0 < len(of_first) + len(unsent) < 16
        assert [path.name for path in _spooled(recording)] == sorted(
            f"{each.slot}-{each.name}" for each in (*of_first, *unsent)
        )

    def test_nothing_of_one_that_is_stored(self, recording: Recording, broadcast: MadeBroadcast, lease: Lease) -> None:
        broadcast.add(2)
        _advanced(recording)
        # Of a task that was killed before it wrote it down.
        spool.made_folder(recording.pk).joinpath("v0-1-9.m4s").write_bytes(b"linked")

        _finished(recording, broadcast, lease)

        assert recording.status == "uploaded"
        assert not (Path(live_settings.RECORDING_SPOOL_DIR) / recording.pk.hex).exists()

    def test_nothing_of_one_that_failed(self, recording: Recording, broadcast: MadeBroadcast, lease: Lease) -> None:
        broadcast.add(2)
        for slot in ("v0", "a0"):
            for path in folder_of(recording.session).glob(f"{slot}/1-*.m4s"):  # type: ignore[arg-type]
                path.write_bytes(b"no box of ours")

        _finished(recording, broadcast, lease)

        assert (recording.status, _spooled(recording)) == ("errored", [])

    def test_nothing_of_what_a_killed_worker_left(
        self, recording: Recording, broadcast: MadeBroadcast, lease: Lease
    ) -> None:
        broadcast.add(2)
        _advanced(recording)
        waiting = _spooled(recording)
        _finished(recording, broadcast, lease)
        spool.made_folder(recording.pk).joinpath("v0-1-0.m4s").write_bytes(b"left behind")
        other = Recording.objects.get(pk=recording.pk)
        other.pk, other.object_name, other.status, other.is_further = None, "other", "recording", True
        other.save(force_insert=True)
        spool.made_folder(other.pk).joinpath("v0-1-0.m4s").write_bytes(b"waits")

        free_leases_of_this_node()

        assert waiting
        assert (_spooled(recording), len(_spooled(other))) == ([], 1)


class TestErasing:
    def test_waits_for_who_still_sends(self, recording: Recording, broadcast: MadeBroadcast, lease: Lease) -> None:
        broadcast.add(3)
        _finished(recording, broadcast, lease)
        path = storing.folder_store().path(recording.object_name)
        services.delete_recording(recording_id=recording.pk, actor=SYSTEM)
        Recording.objects.update(advancing_until=clock.now().replace(year=2100))

        erase_recording(recording_id=recording.pk)
        recording.refresh_from_db()
        assert (recording.is_erased, path.exists()) == (False, True)

        free_leases_of_this_node()
        erase_recording(recording_id=recording.pk)
        recording.refresh_from_db()
        assert (recording.is_erased, path.exists(), recording.advancing_until) == (True, False, None)

    def test_of_a_storage_that_was_deleted_stays_what_is_there(
        self, recording: Recording, broadcast: MadeBroadcast, lease: Lease, home: NewOrganization
    ) -> None:
        broadcast.add(1)
        _advanced(recording)
        storage = create_storage_target(
            app=home.app,
            type="s3",
            actor=SYSTEM,
            name="Films",
            bucket="films",
            endpoint="https://s3.example.com",
            access_key="a",
            secret="b",
        )
        Recording.objects.update(storage=storage)
        is_over(lease)
        delete_storage_target(target=storage, actor=SYSTEM)
        services.delete_recording(recording_id=recording.pk, actor=SYSTEM)

        erase_recording(recording_id=recording.pk)

        recording.refresh_from_db()
        assert (recording.is_erased, _spooled(recording)) == (True, [])


class TestCallingForErasing:
    def test_sends_no_more_where_nobody_takes_it(self, deleted: list[UUID], capture: Capture, broker: Broker) -> None:
        Recording.objects.filter(pk__in=deleted[1:]).update(is_erased=True)

        with untaken("recordings.main"), capture(execute=True):
            sweeps.call_for_erasing()

        assert broker.names == []

    @pytest.fixture
    def deleted(self, lease: Lease) -> list[UUID]:
        """Three, the first of which was tried last."""
        one = Recording.objects.get()
        made = []
        for number in range(3):
            one.pk, one.object_name, one.is_further = None, f"object {number}", True
            one._state.adding, one.deleted_at, one.status = True, clock.now(), "uploaded"
            one.save(force_insert=True)
            made.append(one.pk)
        Recording.objects.filter(pk=made[0]).update(updated_at=clock.now() + timedelta(minutes=1))
        return made

    def test_begins_with_those_that_were_not_tried_for_longest(
        self, deleted: list[UUID], capture: Capture, broker: Broker
    ) -> None:
        with capture(execute=True):
            sweeps.call_for_erasing()

        called = [arguments["recording_id"] for name, arguments in broker.arguments if "erase" in name]
        assert called == [str(each) for each in (*deleted[1:], deleted[0])]

    def test_one_that_fails_comes_last(self, deleted: list[UUID], home: NewOrganization, settings: Settings) -> None:
        settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
        storage = create_storage_target(
            app=home.app,
            type="s3",
            actor=SYSTEM,
            name="Nobody's",
            bucket="films",
            endpoint=f"http://127.0.0.1:{free_port('127.0.0.1')}",
            access_key="a",
            secret="b",
        )
        mine = Recording.objects.get(pk=deleted[1])
        mine.storage, mine.upload_token = storage, "token"
        mine.save()
        Recording.objects.filter(pk=mine.pk).update(updated_at=clock.now() - timedelta(days=1))

        with pytest.raises(StoreError):
            erase_recording(recording_id=mine.pk)

        rows = Recording.objects.filter(pk__in=deleted[1:]).order_by("updated_at")
        assert [row.pk for row in rows][-1] == mine.pk
