"""Recordings as the edge is handed them: playlists, media of other storages, the sound alone."""

import resource
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import m3u8
import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from livehub.core import clock
from streams.models import Livestream, RecordedSegment, Recording, Session
from streams.organizations.services import SYSTEM
from streams.recordings import played, ranges, services
from streams.recordings.advancing import advance_recording, erase_recording
from streams.recordings.closing import movie_of
from streams.recordings.links import sound_link
from streams.recordings.sound import SoundAlone
from streams.recordings.storing import folder_store
from tests.access.each import for_each
from tests.media.recording.probing import durations
from tests.recordings.broadcast import MadeBroadcast, is_over, went_live
from tests.stores.storages import storage_of


@pytest.fixture
def recording(session: Session) -> Recording:
    """A stored one of four seconds with a splice in it."""
    lease = went_live(session)
    broadcast = MadeBroadcast(session, began_ms=clock.epoch_ms(clock.now()))
    broadcast.add(2)
    broadcast.cut(shows_slate=True)
    broadcast.add(1)
    broadcast.cut(shows_slate=False)
    broadcast.add(2)
    broadcast.end()
    is_over(lease)
    recording = Recording.objects.get()
    advance_recording(recording_id=recording.pk)
    return Recording.objects.select_related("livestream").get()


@pytest.fixture
def kept(recording: Recording, settings: Settings, livestream: Livestream) -> Path:
    """The folder that the edge looks in."""
    return Path(settings.RECORDINGS_PLAYED_DIR) / livestream.playback_id / "recordings" / str(recording.pk)


def _get(recording: Recording, name: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    assert recording.livestream is not None
    answer = Client().get(
        f"/internal/recorded/{recording.livestream.playback_id}/recordings/{name}", headers=headers or None
    )
    return answer.status_code, answer.getvalue(), dict(answer.headers)


class TestPlaylists:
    def test_are_there_as_soon_as_it_is_stored_and_name_its_bytes(self, recording: Recording, kept: Path) -> None:
        content = folder_store().path(recording.object_name).read_bytes()

        assert (kept / "media.mp4").read_bytes() == content
        listed = m3u8.load(str(kept / "index.m3u8"))
        assert [each.uri for each in listed.playlists] == ["video.m3u8", "audio.m3u8"]
        assert [each.uri for each in listed.media] == ["audio.m3u8"]
        for name, slot in (("video.m3u8", "v0"), ("audio.m3u8", "a0")):
            segments = m3u8.load(str(kept / name)).segments
            stored = RecordedSegment.objects.filter(slot=slot).order_by("offset")
            assert [each.byterange for each in segments] == [f"{each.size - 8}@{each.offset + 8}" for each in stored]
            assert [each.discontinuity for each in segments] == [False, False, True, False]
            assert {each.uri for each in segments} == {"media.mp4"}

    def test_are_made_again_where_they_are_missing(self, recording: Recording, kept: Path) -> None:
        before = {name: (kept / name).read_bytes() for name in ("index.m3u8", "video.m3u8", "audio.m3u8")}
        for name in before:
            (kept / name).unlink()

        answers = {name: _get(recording, f"{recording.pk}/{name}")[:2] for name in before}

        assert answers == {name: (200, content) for name, content in before.items()}
        assert {name: (kept / name).read_bytes() for name in before} == before

    def test_are_those_of_the_sound_where_there_is_no_picture(self, recording: Recording, kept: Path) -> None:
        RecordedSegment.objects.filter(slot="v0").delete()
        (kept / "index.m3u8").unlink()
        (kept / "video.m3u8").unlink()

        listed = m3u8.loads(_get(recording, f"{recording.pk}/index.m3u8")[1].decode())

        assert [each.uri for each in listed.playlists] == ["audio.m3u8"]
        assert listed.playlists[0].stream_info.codecs == "mp4a.40.2"
        assert _get(recording, f"{recording.pk}/video.m3u8")[0] == 404

    def test_are_kept_where_somebody_hears_that_they_are_to_go(
        self, recording: Recording, kept: Path, settings: Settings
    ) -> None:
        """Another node hands out what a storage has, too, and nobody tells it when the recording is deleted."""
        Recording.objects.update(storage=storage_of(recording.app))
        before = (kept / "video.m3u8").read_text()
        settings.NODE, settings.RECORDINGS_PLAYED_DIR = "south", kept / "south"

        assert _get(recording, f"{recording.pk}/video.m3u8")[:2] == (200, before.encode())

        assert not (kept / "south").exists()

    def test_say_which_broadcast_they_are_of(self, recording: Recording, kept: Path, session: Session) -> None:
        assert f'DATA-ID="livehub.session",VALUE="{session.pk.hex[:16]}"' in (kept / "index.m3u8").read_text()

    def test_cost_no_more_for_a_long_recording(
        self, recording: Recording, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        with django_assert_max_num_queries(5):
            _get(recording, f"{recording.pk}/video.m3u8")

    def test_cost_nothing_where_there_are_none(
        self, recording: Recording, kept: Path, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        """Anybody may ask for them as often as they like, and nothing is kept of that."""
        recording.segments.filter(slot="v0").delete()
        recording.inits.filter(slot="v0").delete()
        (kept / "video.m3u8").unlink()

        with django_assert_max_num_queries(2):
            assert _get(recording, f"{recording.pk}/video.m3u8")[0] == 404

    def test_are_had_where_they_cannot_be_kept(self, recording: Recording, kept: Path) -> None:
        before = (kept / "video.m3u8").read_bytes()
        shutil.rmtree(kept)
        # No folder can be made there.
        kept.write_bytes(b"")

        assert _get(recording, f"{recording.pk}/video.m3u8")[:2] == (200, before)

    def test_leave_nothing_behind_on_a_full_disk(self, recording: Recording, kept: Path) -> None:
        there = {*kept.iterdir()}
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
        try:
            with pytest.raises(OSError, match="File too large"):
                played.keep(recording, "other", bytes(1000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

        assert {*kept.iterdir()} == there

    def test_are_not_kept_of_one_that_was_erased_meanwhile(self, recording: Recording, kept: Path) -> None:
        services.delete_recording(recording_id=recording.pk, actor=SYSTEM)
        erase_recording(recording_id=recording.pk)

        played.keep_if_possible(recording, lambda: played.keep(recording, "other", b"its picture"))

        assert not kept.exists()

    def test_go_with_the_recording(self, recording: Recording, kept: Path) -> None:
        services.delete_recording(recording_id=recording.pk, actor=SYSTEM)

        assert _get(recording, f"{recording.pk}/video.m3u8")[0] == 404
        erase_recording(recording_id=recording.pk)
        assert not kept.exists()

    @for_each("name", ["other.m3u8", "a/b", "storyboard.vtt"])
    def test_are_nothing_else(self, recording: Recording, name: str) -> None:
        assert _get(recording, f"{recording.pk}/{name}")[0] == 404

    def test_are_not_those_of_another_livestream(self, recording: Recording) -> None:
        answer = Client().get(f"/internal/recorded/pb_other/recordings/{recording.pk}/video.m3u8")

        assert answer.status_code == 404


class TestNewest:
    def test_is_the_last_one_that_is_stored_of_a_whole_broadcast(self, recording: Recording) -> None:
        def copy(**values: object) -> None:
            told = {"app": recording.app, "livestream": recording.livestream, "status": "uploaded", "node": "x"}
            Recording.objects.create(**{**told, "object_name": str(values), **values})

        copy(is_further=True)
        copy(origin="window")
        copy(status="errored")
        copy(deleted_at=clock.now())

        status, _, headers = _get(recording, "index.m3u8")

        assert (status, headers["Location"]) == (302, f"{recording.pk}/index.m3u8")

    def test_is_nothing_while_nothing_is_stored(self, recording: Recording) -> None:
        Recording.objects.update(status="uploading")

        assert _get(recording, "index.m3u8")[0] == 404


class TestMedia:
    """Where the edge has no file of it: as of another storage, or behind a lost link."""

    @for_each(
        "asked, status, begin, end",
        [
            ("bytes=100-199", 206, 100, 200),
            ("bytes=100-", 206, 100, None),
            ("bytes=-100", 206, -100, None),
            ("bytes=0-999999999", 206, 0, None),
            ("", 200, 0, None),
            ("bytes=5-6,8-9", 200, 0, None),
            ("chapters=1-2", 200, 0, None),
        ],
    )
    def test_is_answered_by_ranges(
        self, recording: Recording, asked: str, status: int, begin: int, end: int | None
    ) -> None:
        content = folder_store().path(recording.object_name).read_bytes()

        answer = _get(recording, f"{recording.pk}/media.mp4", **({"Range": asked} if asked else {}))

        assert answer[:2] == (status, content[begin:end])
        assert answer[2]["Content-Length"] == str(len(content[begin:end]))
        if status == 206:
            first = content.index(content[begin:end])
            last = first + len(answer[1]) - 1
            assert answer[2]["Content-Range"] == f"bytes {first}-{last}/{len(content)}"

    def test_is_given_in_part_to_who_asks_for_a_whole_film(
        self, recording: Recording, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ranges, "_MOST_OF_RANGE", 5000)
        content = folder_store().path(recording.object_name).read_bytes()

        answer = _get(recording, f"{recording.pk}/media.mp4", Range="bytes=100-99999999")

        assert answer[:2] == (206, content[100:5100])
        assert answer[2]["Content-Range"] == f"bytes 100-5099/{len(content)}"

    def test_is_not_waited_for_by_others_while_somebody_reads_it_slowly(
        self, recording: Recording, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ranges, "_PIECE", 1000)
        monkeypatch.setattr(ranges, "_PLAYED_S", 0.0)
        content = folder_store().path(recording.object_name).read_bytes()

        for _ in range(6):
            assert _get(recording, f"{recording.pk}/media.mp4")[:2] == (200, content[:1000])

    def test_is_given_a_stretch_at_a_time(self, recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
        """Players ask for all that follows, and break off; whoever saves it does not."""
        monkeypatch.setattr(ranges, "_MOST_OF_OPEN", 1000)
        content = folder_store().path(recording.object_name).read_bytes()

        answer = _get(recording, f"{recording.pk}/media.mp4", Range="bytes=500-")

        assert answer[:2] == (206, content[500:1500])
        assert answer[2]["Content-Range"] == f"bytes 500-1499/{len(content)}"
        whole = _get(recording, f"{recording.pk}/media.mp4", Range="bytes=-2000")
        assert whole[1] == content[-2000:]

    def test_has_nothing_behind_its_end(self, recording: Recording) -> None:
        status, _, headers = _get(recording, f"{recording.pk}/media.mp4", Range="bytes=999999999-")

        assert (status, headers["Content-Range"]) == (416, f"bytes */{recording.size}")

    def test_is_not_there_when_somebody_has_removed_it(self, recording: Recording) -> None:
        path = folder_store().path(recording.object_name)
        path.rename(path.with_suffix(".away"))

        # However often it is asked for, others have their room.
        assert [_get(recording, f"{recording.pk}/media.mp4")[0] for _ in range(5)] == [404] * 5

        path.with_suffix(".away").rename(path)
        assert _get(recording, f"{recording.pk}/media.mp4")[0] == 200


class TestSound:
    def test_is_a_file_of_its_own(self, recording: Recording, tmp_path: Path) -> None:
        link = sound_link(recording)
        assert link is not None
        parts = urlsplit(link.url)
        answer = Client().get(f"{parts.path}?{parts.query}")
        (tmp_path / "sound.m4a").write_bytes(answer.getvalue())

        assert answer["Content-Type"] == "audio/mp4"
        assert recording.output_file_name.replace(".mp4", ".m4a") in answer["Content-Disposition"]
        assert durations(tmp_path / "sound.m4a") == pytest.approx({"audio": 4, "file": 4}, abs=0.1)
        ranged = Client().get(f"{parts.path}?{parts.query}", headers={"Range": "bytes=500-20000"})
        assert (ranged.status_code, ranged.getvalue()) == (206, (tmp_path / "sound.m4a").read_bytes()[500:20001])

    def test_is_not_had_where_there_is_none(self, recording: Recording) -> None:
        link = sound_link(recording)
        assert link is not None
        parts = urlsplit(link.url)
        RecordedSegment.objects.filter(slot="a0").delete()

        assert Client().get(f"{parts.path}?{parts.query}").status_code == 404
        recording.has_sound = False
        assert sound_link(recording) is None

    def test_is_the_same_from_wherever_it_is_read(self, recording: Recording) -> None:
        alone = SoundAlone(movie_of(recording), folder_store(), recording.object_name)

        whole = alone.read(0, alone.size + 1)

        assert len(whole) == alone.size
        for length in (97, 4096):
            read = [alone.read(at, length) for at in range(0, alone.size, length)]
            assert b"".join(read) == whole


class TestOfAnotherMachine:
    @for_each("name", ["index.m3u8", "video.m3u8", "media.mp4", "storyboard.vtt", "pictures/0.jpg"])
    def test_is_played_from_there(self, recording: Recording, settings: Settings, name: str) -> None:
        assert recording.livestream is not None
        settings.NODE, settings.NODE_URLS = "south", {"main": "https://north.example.org"}

        status, _, headers = _get(recording, f"{recording.pk}/{name}")

        path = f"/playback/{recording.livestream.playback_id}/recordings/{recording.pk}/{name}"
        assert (status, headers["Location"]) == (302, f"https://north.example.org{path}?sent=1")
        # The newest one is found here, and sent on from its own address.
        assert _get(recording, "index.m3u8")[2]["Location"] == f"{recording.pk}/index.m3u8"

    def test_is_not_sent_round_in_a_circle(self, recording: Recording, settings: Settings) -> None:
        settings.NODE, settings.NODE_URLS = "south", {"main": "https://north.example.org"}

        status, said, _ = _get(recording, f"{recording.pk}/index.m3u8?sent=1")

        assert (status, b"in the folder of the machine main" in said) == (503, True)
