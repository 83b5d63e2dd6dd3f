"""Who makes clips and who erases them, where they are kept, and for how long: by rows, mostly without any file."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks as Capture
from pytest_django import Settings

from livehub.core import clock
from livehub.core.errors import ValidationFailedError
from streams.models import Clip, Livestream, Recording, Session
from streams.organizations.services import SYSTEM, NewOrganization
from streams.recordings import sweeps
from streams.recordings.advancing import advance_recording
from streams.recordings.clips import making
from streams.recordings.clips.errors import NothingToClipError, RecordingNotStoredError
from streams.recordings.clips.layout import waiting_file
from streams.recordings.clips.recorded_window import record_window
from streams.recordings.clips.services import clip_livestream, clip_recording, delete_clip
from streams.recordings.clips.wishes import Wish
from streams.recordings.policies import change_policy
from streams.recordings.stores.folder import FolderStore
from streams.recordings.storing import folder_store
from tests.conftest import Broker
from tests.recordings.broadcast import MadeBroadcast, went_live
from tests.recordings.rows import clip_of
from tests.runs import ended
from tests.stores.storages import storage_of

_MINUTE = timedelta(minutes=1)


@pytest.fixture
def began_ms(session: Session) -> int:
    """When a broadcast began that is live, and of which there are six seconds."""
    went_live(session)
    began_ms = clock.epoch_ms(clock.now()) - 60_000
    MadeBroadcast(session, began_ms=began_ms).add(6)
    return began_ms


@pytest.fixture
def recording(began_ms: int, session: Session) -> Recording:
    """All of it, stored in this node's folder."""
    ended(session)
    recording = Recording.objects.get()
    advance_recording(recording_id=recording.pk)
    recording.refresh_from_db()
    assert recording.status == "uploaded"
    return recording


def _cut(livestream: Livestream, wish: Wish) -> Clip:
    return clip_livestream(livestream=livestream, wish=wish, title="", actor=SYSTEM)


def _cut_recording(recording: Recording) -> Clip:
    return clip_recording(recording=recording, from_us=0, until_us=2_000_000, title="", actor=SYSTEM)


class TestCalls:
    def test_come_to_who_has_its_files(
        self, livestream: Livestream, began_ms: int, broker: Broker, capture: Capture
    ) -> None:
        with capture(execute=True):
            clip = _cut(livestream, Wish(last_ms=1000))

        assert broker.arguments == [("streams.make_clip", {"clip_id": str(clip.pk)})]
        assert broker.queues == [("streams.make_clip", "recordings.main")]

    def test_come_to_the_node_of_the_recording(self, recording: Recording, broker: Broker, capture: Capture) -> None:
        recording.node = "south"

        with capture(execute=True):
            clip = _cut_recording(recording)

        assert clip.node == "south"
        assert broker.queues == [("streams.make_clip", "recordings.south")]

    def test_come_to_each_node_for_what_is_unfinished(
        self, livestream: Livestream, broker: Broker, capture: Capture
    ) -> None:
        here, there = clip_of(livestream), clip_of(livestream, node="south")
        clip_of(livestream, status="ready")
        clip_of(livestream, status="failed")
        clip_of(livestream, deleted_at=clock.now())

        with capture(execute=True):
            sweeps.sweep_clips()

        calls = [
            (arguments["clip_id"], queue)
            for (_, arguments), (_, queue) in zip(broker.arguments, broker.queues, strict=True)
        ]
        assert sorted(calls) == sorted([(str(here.pk), "recordings.main"), (str(there.pk), "recordings.south")])
        assert {*broker.names} == {"streams.make_clip"}

    def test_come_for_erasing_once_and_again(self, livestream: Livestream, broker: Broker, capture: Capture) -> None:
        clip = clip_of(livestream, node="south")
        clip_of(livestream, deleted_at=clock.now(), is_erased=True)

        with capture(execute=True):
            delete_clip(clip_id=clip.pk, actor=SYSTEM)
            sweeps.call_for_erasing()

        assert broker.arguments == [("streams.erase_clip", {"clip_id": str(clip.pk)})] * 2
        assert {*broker.queues} == {("streams.erase_clip", "recordings.south")}

    def test_leave_what_another_nodes_worker_has_in_hand(self, livestream: Livestream) -> None:
        until = clock.now() + _MINUTE
        here, there = (clip_of(livestream, node=node, making_until=until) for node in ("main", "south"))

        assert making.free_leases_of_this_node() == 1

        held = dict(Clip.objects.values_list("pk", "making_until"))
        assert held == {here.pk: None, there.pk: until}

    def test_come_to_who_has_the_broadcast_where_this_node_has_none_of_it(
        self, livestream: Livestream, began_ms: int, settings: Settings, tmp_path: Path
    ) -> None:
        settings.NODE, settings.PLAYBACK_DIR = "north", tmp_path / "north"

        clip = _cut(livestream, Wish(from_ms=began_ms + 1000, until_ms=began_ms + 2000))

        assert (clip.node, clip.is_playable) == ("main", False)
        with pytest.raises(NothingToClipError, match="This node has no files of the broadcast"):
            _cut(livestream, Wish(last_ms=1000))


class TestTheirPlace:
    def test_is_that_of_the_livestreams_recordings(
        self, livestream: Livestream, began_ms: int, home: NewOrganization, settings: Settings
    ) -> None:
        settings.RECORDING_RETENTION_S = 60
        storage = storage_of(home.app)
        change_policy(livestream=livestream, actor=SYSTEM, storage=storage, retention_s=7200)

        clip = _cut(livestream, Wish(last_ms=1000))

        assert clip.storage == storage
        assert clip.expires_at == pytest.approx(clock.now() + timedelta(hours=2), abs=_MINUTE)

    def test_is_for_ever_where_the_livestream_says_so(
        self, livestream: Livestream, began_ms: int, settings: Settings
    ) -> None:
        settings.RECORDING_RETENTION_S = 60
        change_policy(livestream=livestream, actor=SYSTEM, retention_s=0)

        assert _cut(livestream, Wish(last_ms=1000)).expires_at is None

    def test_is_that_of_their_recording(self, recording: Recording, home: NewOrganization) -> None:
        recording.storage, recording.retention_s = storage_of(home.app), 7200

        clip = _cut_recording(recording)

        assert clip.storage == recording.storage
        assert clip.expires_at == pytest.approx(clock.now() + timedelta(hours=2), abs=_MINUTE)
        # Nobody waits for that storage.
        assert not waiting_file(clip.pk).exists()

    def test_of_a_window_is_that_of_the_livestreams_recordings(
        self, livestream: Livestream, began_ms: int, home: NewOrganization
    ) -> None:
        storage = storage_of(home.app)
        wanted = {"storage": storage, "retention_s": 7200, "slate": "keep", "file_name_prefix": "keynote"}
        change_policy(livestream=livestream, actor=SYSTEM, **wanted)  # type: ignore[arg-type]

        recording = record_window(livestream=livestream, wish=Wish(last_ms=1000), actor=SYSTEM)

        assert (recording.storage, recording.retention_s, recording.slate) == (storage, 7200, "keep")
        assert recording.output_file_name.startswith("keynote_")


class TestWhatIsThere:
    def test_is_what_has_not_left_the_window(self, livestream: Livestream, session: Session) -> None:
        went_live(session)
        began_ms = clock.epoch_ms(clock.now()) - 60_000
        # Thirty seconds more, for whoever has just read of them.
        MadeBroadcast(session, began_ms=began_ms, window_s=5).add(45)

        with pytest.raises(ValidationFailedError) as refused:
            _cut(livestream, Wish(from_ms=began_ms, until_ms=began_ms + 3000))

        assert "is there any more" in refused.value.fields["starts_at"][0]
        assert _cut(livestream, Wish(from_ms=began_ms + 40_000, until_ms=began_ms + 43_000)).gaps == []

    def test_is_no_recording_that_was_cut_short_in_its_store(self, recording: Recording) -> None:
        path = folder_store().path(recording.object_name)
        path.write_bytes(path.read_bytes()[:20_000])

        with pytest.raises(RecordingNotStoredError, match="shorter than it was stored"):
            _cut_recording(recording)

        assert not Clip.objects.exists()


class TestWhileItIsStored:
    """The store is the folder itself; something happens before it does its part."""

    def test_each_part_has_time_of_its_own(
        self, livestream: Livestream, began_ms: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(making, "PART_SIZE_MIN_BYTES", 20_000)
        held: list[datetime | None] = []
        _before(monkeypatch, "append", lambda: held.append(Clip.objects.get().making_until))
        clip = _cut(livestream, Wish(last_ms=3000))

        making.make_clip(clip_id=clip.pk)

        assert Clip.objects.get().status == "ready"
        assert len(held) > 2
        assert len({*held}) == len(held)

    def test_one_that_is_deleted_leaves_nothing(
        self, livestream: Livestream, began_ms: int, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clip = _cut(livestream, Wish(last_ms=1000))
        _before(monkeypatch, "finish", lambda: delete_clip(clip_id=clip.pk, actor=SYSTEM))

        making.make_clip(clip_id=clip.pk)

        assert Clip.objects.get().status == "making"
        assert [path for path in Path(settings.RECORDINGS_DIR).rglob("*") if path.is_file()] == []


def _before(monkeypatch: pytest.MonkeyPatch, name: str, happens: Callable[[], object]) -> None:
    do = getattr(FolderStore, name)

    def does(*values: object) -> object:
        happens()
        return do(*values)

    monkeypatch.setattr(FolderStore, name, does)
