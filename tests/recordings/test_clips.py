"""Clips of broadcasts and recordings: cut out of their files, stored, deleted."""

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks as Capture
from pytest_django import Settings

from livehub.core import clock
from livehub.core.errors import NotFoundError, ValidationFailedError
from streams.models import AuditEntry, Clip, Livestream, Recording, Session
from streams.organizations.services import SYSTEM, NewOrganization
from streams.recordings import sweeps
from streams.recordings.advancing import advance_recording, erase_recording
from streams.recordings.clips import making, services
from streams.recordings.clips.errors import NothingToClipError, RecordingNotStoredError
from streams.recordings.clips.layout import waiting_file
from streams.recordings.clips.recorded_window import record_window
from streams.recordings.clips.services import clip_livestream, clip_recording, delete_clip
from streams.recordings.clips.wishes import Wish
from streams.recordings.lanes import lanes
from streams.recordings.services import delete_recording
from streams.recordings.storage_services import add_inline_target
from tests.conftest import Broker
from tests.media.recording.probing import durations, timed_pictures
from tests.recordings.broadcast import MadeBroadcast, is_over, went_live
from tests.recordings.broadcast import clip as track
from tests.recordings.rows import clip_of
from tests.runs import ended
from tests.stores.storages import VALUES, storage_of

FPS = 30


def _ms_ago(seconds: float) -> int:
    return clock.epoch_ms(clock.now()) - round(seconds * 1000)


@pytest.fixture
def began_ms() -> int:
    return _ms_ago(60)


@pytest.fixture
def broadcast(session: Session, began_ms: int) -> MadeBroadcast:
    """Six seconds of a broadcast that is live, in segments of one."""
    went_live(session)
    made = MadeBroadcast(session, began_ms=began_ms)
    made.add(6)
    return made


@pytest.fixture
def recording(broadcast: MadeBroadcast, session: Session) -> Recording:
    """All of it, stored."""
    broadcast.end()
    ended(session)
    recording = Recording.objects.get()
    advance_recording(recording_id=recording.pk)
    recording.refresh_from_db()
    assert recording.status == "uploaded"
    return recording


def _cut(livestream: Livestream, wish: Wish, *, title: str = "") -> Clip:
    return clip_livestream(livestream=livestream, wish=wish, title=title, actor=SYSTEM)


def _made(clip: Clip) -> Clip:
    making.make_clip(clip_id=clip.pk)
    clip.refresh_from_db()
    return clip


def _stored_file(clip: Clip, settings: Settings) -> Path:
    return Path(settings.RECORDINGS_DIR) / clip.object_name


def _broadcast_pictures(broadcast: MadeBroadcast) -> list[str]:
    """Return what was broadcast, picture by picture, without what cuts clips."""
    (init,) = (broadcast.folder / "v0").glob("*.init.mp4")
    segments = [path for path in (broadcast.folder / "v0").glob("*.m4s") if "." not in path.stem]
    segments.sort(key=lambda path: int(path.stem.partition("-")[2]))
    whole = init.read_bytes() + b"".join(path.read_bytes() for path in segments)
    argv = ["ffmpeg", "-nostdin", "-v", "error", "-i", "pipe:0", "-map", "0:v", "-fps_mode", "passthrough"]
    run = subprocess.run([*argv, "-f", "framemd5", "pipe:1"], input=whole, capture_output=True, check=True)
    lines = run.stdout.decode().splitlines()
    return [line.rpartition(",")[2].strip() for line in lines if line and not line.startswith("#")]


class TestOfABroadcast:
    def test_shows_exactly_the_pictures_between_its_times(
        self, livestream: Livestream, broadcast: MadeBroadcast, began_ms: int, settings: Settings
    ) -> None:
        clip = _made(_cut(livestream, Wish(from_ms=began_ms + 1500, until_ms=began_ms + 4500), title="The opening"))

        assert (clip.status, clip.problem, clip.duration_us) == ("ready", "", 3_000_000)
        path = _stored_file(clip, settings)
        assert path.stat().st_size == clip.size
        expected = _broadcast_pictures(broadcast)[round(1.5 * FPS) : round(4.5 * FPS)]
        assert [checksum for _, checksum in timed_pictures(path)] == expected
        assert durations(path)["file"] == pytest.approx(3, abs=0.001)
        assert clip.starts_at is not None
        assert clock.epoch_ms(clip.starts_at) == began_ms + 1500

    def test_is_left_to_the_job_while_others_are_cut(self, livestream: Livestream, broadcast: MadeBroadcast) -> None:
        """Else who asks for many long ones has all threads that answer requests."""
        with services._turn(), services._turn():
            late = _cut(livestream, Wish(last_ms=3000))
        assert (late.status, late.is_playable, waiting_file(late.pk).exists()) == ("making", False, False)

        assert _made(late).status == "ready"
        assert late.duration_us == pytest.approx(3_000_000, abs=50_000)
        assert _cut(livestream, Wish(last_ms=3000)).is_playable

    def test_can_be_played_before_its_file_is_stored(self, livestream: Livestream, broadcast: MadeBroadcast) -> None:
        clip = _cut(livestream, Wish(last_ms=3000))

        assert clip.is_playable
        assert clip.status == "making"
        assert {*clip.playlists} == {"index.m3u8", "video.m3u8", "audio.m3u8"}
        assert clip.duration_us == pytest.approx(3_000_000, abs=50_000)
        assert waiting_file(clip.pk).stat().st_size == clip.size

    def test_is_not_hurt_when_the_window_goes_on(self, livestream: Livestream, broadcast: MadeBroadcast) -> None:
        clip = _cut(livestream, Wish(last_ms=3000))
        for path in broadcast.folder.glob("*/*.m4s"):
            path.unlink()

        assert _made(clip).status == "ready"

    def test_leaves_the_slate_out(
        self, livestream: Livestream, broadcast: MadeBroadcast, began_ms: int, settings: Settings
    ) -> None:
        broadcast.cut(shows_slate=True)
        broadcast.add(3)
        broadcast.cut(shows_slate=False)
        broadcast.add(2)

        clip = _made(_cut(livestream, Wish(from_ms=began_ms + 5000, until_ms=began_ms + 10_000)))

        assert clip.duration_us == pytest.approx(2_000_000, abs=100_000)
        (gap,) = clip.gaps
        assert gap["reason"] == "slate"
        assert gap["length_us"] == pytest.approx(3_000_000, abs=100_000)
        assert durations(_stored_file(clip, settings))["file"] == pytest.approx(2, abs=0.1)

    def test_of_the_slate_alone_is_refused(
        self, livestream: Livestream, broadcast: MadeBroadcast, began_ms: int
    ) -> None:
        broadcast.cut(shows_slate=True)
        broadcast.add(3)

        with pytest.raises(NothingToClipError, match="Nothing of it can be shown"):
            _cut(livestream, Wish(from_ms=began_ms + 7200, until_ms=began_ms + 8000))

        assert not Clip.objects.exists()

    @pytest.mark.parametrize(
        ("start_s", "end_s", "field", "words"),
        [
            (3, 3, "ends_at", "behind the start"),
            (3, 2, "ends_at", "behind the start"),
            (-30, -20, "starts_at", "is there any more"),
            (-30, 3, "starts_at", "is there any more"),
            (0, 700, "ends_at", "10 minutes at most"),
            (40, 90, "ends_at", "in the future"),
        ],
    )
    def test_of_what_cannot_be_had_is_refused_in_words(
        self,
        livestream: Livestream,
        broadcast: MadeBroadcast,
        began_ms: int,
        start_s: float,
        end_s: float,
        field: str,
        words: str,
    ) -> None:
        wish = Wish(from_ms=began_ms + round(start_s * 1000), until_ms=began_ms + round(end_s * 1000))

        with pytest.raises(ValidationFailedError) as refused:
            _cut(livestream, wish)

        assert words in refused.value.fields[field][0]

    def test_may_be_as_long_as_the_instance_says(
        self, livestream: Livestream, broadcast: MadeBroadcast, settings: Settings
    ) -> None:
        settings.CLIP_LONGEST_S = 2

        with pytest.raises(ValidationFailedError) as refused:
            _cut(livestream, Wish(last_ms=2001))

        assert "2 seconds at most" in refused.value.fields["last_s"][0]
        assert _cut(livestream, Wish(last_ms=2000)).is_playable

    def test_needs_a_broadcast(self, livestream: Livestream) -> None:
        with pytest.raises(NothingToClipError, match="no broadcast"):
            _cut(livestream, Wish(last_ms=2000))

    def test_waits_for_what_has_just_been_broadcast(
        self, livestream: Livestream, session: Session, settings: Settings
    ) -> None:
        went_live(session)
        began_ms = _ms_ago(4)
        broadcast = MadeBroadcast(session, began_ms=began_ms)
        broadcast.add(3)
        clip = _cut(livestream, Wish(from_ms=began_ms + 1000, until_ms=began_ms + 3900))
        assert (_made(clip).status, clip.is_playable) == ("making", False)

        broadcast.add(2)

        assert _made(clip).status == "ready"
        assert len(timed_pictures(_stored_file(clip, settings))) == round(2.9 * FPS)

    def test_can_be_cut_after_the_end(self, livestream: Livestream, session: Session, began_ms: int) -> None:
        lease = went_live(session)
        broadcast = MadeBroadcast(session, began_ms=began_ms)
        broadcast.add(4)
        broadcast.end()
        is_over(lease)

        clip = _made(_cut(livestream, Wish(from_ms=began_ms + 500, until_ms=began_ms + 1500)))

        assert (clip.status, clip.duration_us) == ("ready", 1_000_000)
        with pytest.raises(ValidationFailedError) as refused:
            _cut(livestream, Wish(from_ms=began_ms + 3000, until_ms=began_ms + 8000))
        assert "has nothing after" in refused.value.fields["ends_at"][0]

    def test_of_sound_alone_is_a_file_of_sound(
        self, livestream: Livestream, session: Session, began_ms: int, settings: Settings
    ) -> None:
        went_live(session)
        MadeBroadcast(session, began_ms=began_ms, tracks={"a0": track("a0")}).add(6)

        clip = _made(_cut(livestream, Wish(from_ms=began_ms + 1500, until_ms=began_ms + 3500)))

        assert {*clip.playlists} == {"index.m3u8", "audio.m3u8"}
        found = durations(_stored_file(clip, settings))
        assert found["file"] == pytest.approx(2, abs=0.03)
        assert "video" not in found


class TestOfARecording:
    def test_shows_exactly_its_pictures(self, recording: Recording, settings: Settings) -> None:
        clip = clip_recording(recording=recording, from_us=2_100_000, until_us=3_600_000, title="", actor=SYSTEM)
        assert clip.is_playable

        path = _stored_file(_made(clip), settings)

        whole = timed_pictures(Path(settings.RECORDINGS_DIR) / recording.object_name)
        expected = [checksum for at_s, checksum in whole if 2.0999 <= at_s < 3.5999]
        assert [checksum for _, checksum in timed_pictures(path)] == expected
        assert (clip.livestream_id, clip.recording_id) == (recording.livestream_id, recording.pk)

    @pytest.mark.parametrize(
        ("from_us", "until_us", "words"),
        [(2, 2, "behind the start"), (0, 60_000_000, "The recording lasts 6"), (0, 900_000_000, "10 minutes at most")],
    )
    def test_of_what_it_has_not_is_refused(self, recording: Recording, from_us: int, until_us: int, words: str) -> None:
        with pytest.raises(ValidationFailedError) as refused:
            clip_recording(recording=recording, from_us=from_us, until_us=until_us, title="", actor=SYSTEM)

        assert words in refused.value.fields["end_s"][0]

    def test_needs_it_to_be_stored(self, broadcast: MadeBroadcast) -> None:
        with pytest.raises(RecordingNotStoredError, match="no file to cut"):
            clip_recording(recording=Recording.objects.get(), from_us=0, until_us=5, title="", actor=SYSTEM)

    def test_fails_in_words_when_that_is_deleted_meanwhile(self, recording: Recording) -> None:
        clip = clip_recording(recording=recording, from_us=0, until_us=1_000_000, title="", actor=SYSTEM)
        waiting_file(clip.pk).unlink()
        delete_recording(recording_id=recording.pk, actor=SYSTEM)
        erase_recording(recording_id=recording.pk)

        assert (_made(clip).status, clip.problem) == ("failed", "What it was to be cut out of has been deleted.")

    def test_outlives_it(self, recording: Recording, settings: Settings) -> None:
        clip = _made(clip_recording(recording=recording, from_us=0, until_us=1_000_000, title="", actor=SYSTEM))
        delete_recording(recording_id=recording.pk, actor=SYSTEM)
        erase_recording(recording_id=recording.pk)

        assert len(timed_pictures(_stored_file(clip, settings))) == FPS


class TestTheirLife:
    def test_is_written_down(self, livestream: Livestream, broadcast: MadeBroadcast, settings: Settings) -> None:
        clip = _made(_cut(livestream, Wish(last_ms=1000)))
        delete_clip(clip_id=clip.pk, actor=SYSTEM)

        actions = AuditEntry.objects.filter(target_id=clip.pk).order_by("at").values_list("action", flat=True)
        assert [*actions] == ["clip.created", "clip.deleted"]
        with pytest.raises(NotFoundError):
            delete_clip(clip_id=clip.pk, actor=SYSTEM)

    def test_ends_where_they_are_stored(
        self, livestream: Livestream, broadcast: MadeBroadcast, settings: Settings
    ) -> None:
        ready, waiting = _made(_cut(livestream, Wish(last_ms=1000))), _cut(livestream, Wish(last_ms=2000))
        for clip in (ready, waiting):
            delete_clip(clip_id=clip.pk, actor=SYSTEM)
            making.erase_clip(clip_id=clip.pk)

        assert not _stored_file(ready, settings).exists()
        assert not waiting_file(waiting.pk).exists()
        assert not Clip.objects.filter(is_erased=False).exists()
        making.make_clip(clip_id=waiting.pk)
        assert not _stored_file(waiting, settings).exists()

    def test_those_that_cannot_be_erased_now_come_last(
        self, livestream: Livestream, home: NewOrganization, capture: Capture, broker: Broker, settings: Settings
    ) -> None:
        """Else as many of them as are called for at once keep all others from ever being erased."""
        target = add_inline_target(
            app=home.app, type="aws", bucket="films", region="eu-central-1", access_key="a", secret="b"
        )
        stuck, other = clip_of(livestream, storage=target), clip_of(livestream)
        for clip in (stuck, other):
            delete_clip(clip_id=clip.pk, actor=SYSTEM)
        with (
            lanes.lane(app_id=home.app.pk, storage_id=target.pk),
            lanes.lane(app_id=home.app.pk, storage_id=target.pk),
        ):
            making.erase_clip(clip_id=stuck.pk)

        with capture(execute=True):
            sweeps.call_for_erasing()

        called = [arguments["clip_id"] for name, arguments in broker.arguments if name == "streams.erase_clip"]
        assert called == [str(other.pk), str(stuck.pk)]

    def test_leaves_what_opens_a_storage_to_the_last_that_is_there(
        self, livestream: Livestream, home: NewOrganization
    ) -> None:
        target = add_inline_target(
            app=home.app, type="aws", bucket="films", region="eu-central-1", access_key="a", secret="b"
        )
        recording = Recording.objects.create(
            app=home.app, livestream=livestream, object_name="one", storage=target, deleted_at=clock.now()
        )
        clip = clip_of(livestream, storage=target)

        erase_recording(recording_id=recording.pk)
        target.refresh_from_db()
        assert (target.deleted_at, bool(target.secrets_encrypted)) == (None, True)

        delete_clip(clip_id=clip.pk, actor=SYSTEM)
        making.erase_clip(clip_id=clip.pk)
        target.refresh_from_db()
        assert target.deleted_at is not None
        assert target.secrets_encrypted == ""

    def test_leaves_a_storage_of_the_apps_own_alone(self, livestream: Livestream, home: NewOrganization) -> None:
        target = storage_of(home.app)
        recording = Recording.objects.create(
            app=home.app, livestream=livestream, object_name="one", storage=target, deleted_at=clock.now()
        )
        clip = clip_of(livestream, storage=target, deleted_at=clock.now())

        erase_recording(recording_id=recording.pk)
        making.erase_clip(clip_id=clip.pk)

        target.refresh_from_db()
        assert (target.deleted_at, target.secrets["secret"]) == (None, VALUES["secret"])

    def test_lasts_as_long_as_their_sources(
        self, livestream: Livestream, broadcast: MadeBroadcast, settings: Settings
    ) -> None:
        settings.RECORDING_RETENTION_S = 3600
        clip = _cut(livestream, Wish(last_ms=1000))
        assert clip.expires_at == pytest.approx(clock.now() + timedelta(hours=1), abs=timedelta(minutes=1))
        sweeps.sweep_clips()
        assert Clip.objects.existing().count() == 1

        Clip.objects.update(expires_at=clock.now() - timedelta(seconds=1))
        sweeps.sweep_clips()

        assert not Clip.objects.existing().exists()

    def test_goes_on_after_a_store_that_is_away(
        self, livestream: Livestream, broadcast: MadeBroadcast, settings: Settings, tmp_path: Path
    ) -> None:
        clip = _cut(livestream, Wish(last_ms=1000))
        folder, settings.RECORDINGS_DIR = settings.RECORDINGS_DIR, tmp_path / "file"
        settings.RECORDINGS_DIR.write_text("No folder.")
        assert _made(clip).status == "making"
        assert clip.problem

        settings.RECORDINGS_DIR = folder

        assert (_made(clip).status, clip.problem) == ("ready", "")

    def test_is_one_tasks_at_a_time(self, livestream: Livestream, broadcast: MadeBroadcast) -> None:
        clip = _cut(livestream, Wish(last_ms=1000))
        Clip.objects.update(making_until=clock.now() + timedelta(minutes=1))
        assert _made(clip).status == "making"

        assert making.free_leases_of_this_node() == 1

        assert _made(clip).status == "ready"

    def test_goes_on_after_a_kill_between_storing_and_writing_it_down(
        self, livestream: Livestream, broadcast: MadeBroadcast, settings: Settings
    ) -> None:
        clip = _made(_cut(livestream, Wish(last_ms=1000)))
        stored = _stored_file(clip, settings).read_bytes()
        Clip.objects.update(status="making")
        waiting_file(clip.pk).parent.mkdir(parents=True)
        waiting_file(clip.pk).write_bytes(stored)

        assert _made(clip).status == "ready"
        assert _stored_file(clip, settings).read_bytes() == stored


class TestARecordingOfTheWindow:
    def test_is_an_ordinary_one_beside_the_one_that_goes_on(
        self, livestream: Livestream, broadcast: MadeBroadcast, began_ms: int, settings: Settings
    ) -> None:
        recording = record_window(
            livestream=livestream, wish=Wish(from_ms=began_ms + 1500, until_ms=began_ms + 3500), actor=SYSTEM
        )
        for path in broadcast.folder.glob("*/*.m4s"):
            path.unlink()
        advance_recording(recording_id=recording.pk)

        recording.refresh_from_db()
        assert (recording.status, recording.origin, recording.problem) == ("uploaded", "window", "")
        assert recording.is_verified
        # Whole segments: those that the two times fall into as well.
        assert len(timed_pictures(Path(settings.RECORDINGS_DIR) / recording.object_name)) == 3 * FPS
        assert Recording.objects.filter(origin="automatic").active().exists()

    def test_may_be_longer_than_a_clip(
        self, livestream: Livestream, broadcast: MadeBroadcast, settings: Settings
    ) -> None:
        settings.CLIP_LONGEST_S = 1

        recording = record_window(livestream=livestream, wish=Wish(last_ms=4000), actor=SYSTEM)

        assert (recording.until_ms or 0) - (recording.from_ms or 0) >= 4000

    def test_of_what_is_gone_is_refused(self, livestream: Livestream, broadcast: MadeBroadcast, began_ms: int) -> None:
        with pytest.raises(ValidationFailedError, match="not there"):
            record_window(
                livestream=livestream, wish=Wish(from_ms=began_ms - 9000, until_ms=began_ms + 3500), actor=SYSTEM
            )
        assert not Recording.objects.filter(origin="window").exists()
