"""Clips for whoever has a link: the page, the playlists, the file."""

import uuid

import pytest
from django.test import Client
from pytest_django import Settings

from livehub.core import clock
from streams.models import Clip, Livestream, Session
from streams.organizations.services import SYSTEM, NewOrganization
from streams.recordings import ranges
from streams.recordings.clips import making
from streams.recordings.clips.layout import waiting_file
from streams.recordings.clips.services import clip_livestream
from streams.recordings.clips.wishes import Wish
from tests.access.each import for_each
from tests.recordings.broadcast import MadeBroadcast, went_live
from tests.recordings.rows import clip_of
from tests.stores.storages import storage_of


@pytest.fixture(autouse=True)
def plain_static_names(settings: Settings) -> None:
    """Pages name their files as they are in the tree: nothing has been collected here."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture
def clip(livestream: Livestream, session: Session) -> Clip:
    """Two seconds, laid out."""
    went_live(session)
    MadeBroadcast(session, began_ms=clock.epoch_ms(clock.now()) - 60_000).add(4)
    return clip_livestream(livestream=livestream, wish=Wish(last_ms=2000), title="Größe", actor=SYSTEM)


def _body(answer: object) -> bytes:
    return bytes(answer.getvalue())  # type: ignore[attr-defined]  # Django's response.


def test_are_watched_and_fetched_before_they_are_stored(clip: Clip) -> None:
    page = Client().get(f"/watch/clips/{clip.pk}").content.decode()
    playlist = Client().get(f"/clips/{clip.pk}/index.m3u8")
    media = Client().get(f"/clips/{clip.pk}/video.m3u8").content.decode()
    part = Client().get(f"/clips/{clip.pk}/clip.mp4", headers={"range": "bytes=100-199"})

    assert f'src="/clips/{clip.pk}/clip.mp4"' in page
    assert "Größe" in page
    assert (playlist.status_code, playlist["Content-Type"]) == (200, "application/vnd.apple.mpegurl")
    assert (playlist["Access-Control-Allow-Origin"], "video.m3u8" in playlist.content.decode()) == ("*", True)
    assert 'MAP:URI="clip.mp4",BYTERANGE=' in media
    content = waiting_file(clip.pk).read_bytes()
    assert (part.status_code, _body(part)) == (206, content[100:200])
    assert part["Content-Range"] == f"bytes 100-199/{len(content)}"


@for_each(
    "asked, status, begin, end",
    [
        ("bytes=0-", 206, 0, None),
        ("bytes=5-", 206, 5, None),
        ("bytes=-7", 206, -7, None),
        ("bytes=9-99999999", 206, 9, None),
        ("bytes=0-1,5-6", 200, 0, None),
        ("lines=1-2", 200, 0, None),
    ],
)
def test_are_given_as_is_asked_for(clip: Clip, asked: str, status: int, begin: int, end: int | None) -> None:
    answer = Client().get(f"/clips/{clip.pk}/clip.mp4", headers={"range": asked})

    assert (answer.status_code, _body(answer)) == (status, waiting_file(clip.pk).read_bytes()[begin:end])


def test_have_no_more_than_they_have(clip: Clip) -> None:
    answer = Client().get(f"/clips/{clip.pk}/clip.mp4", headers={"range": "bytes=99999999-"})

    assert (answer.status_code, answer["Content-Range"]) == (416, f"bytes */{clip.size}")


def test_are_read_to_their_end_while_they_are_stored(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that they were read from goes in that moment."""
    monkeypatch.setattr(ranges, "_PIECE", 10_000)
    content = waiting_file(clip.pk).read_bytes()
    answer = Client().get(f"/clips/{clip.pk}/clip.mp4")

    making.make_clip(clip_id=clip.pk)

    assert not waiting_file(clip.pk).exists()
    assert _body(answer) == content


def test_are_handed_over_to_the_edge_once_they_are_stored(clip: Clip) -> None:
    making.make_clip(clip_id=clip.pk)

    played = Client().get(f"/clips/{clip.pk}/clip.mp4")
    saved = Client().get(f"/clips/{clip.pk}/clip.mp4?download")

    assert played["X-Accel-Redirect"] == f"/recording-files/{clip.app_id.hex}/clips/{clip.pk}.mp4"
    assert played["Content-Disposition"].startswith("inline")
    assert saved["Content-Disposition"] == "attachment; filename*=utf-8''Gr%C3%B6%C3%9Fe.mp4"
    # No cache that others share has it once it is deleted.
    assert {answer["Cache-Control"].partition(",")[0] for answer in (played, saved)} == {"private"}


def test_are_waited_for_before_they_are_laid_out(livestream: Livestream) -> None:
    clip = clip_of(livestream)

    for name in ("index.m3u8", "clip.mp4"):
        answer = Client().get(f"/clips/{clip.pk}/{name}")
        assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert "being made" in Client().get(f"/watch/clips/{clip.pk}").content.decode()


def test_that_are_gone_or_never_were_are_nobodys(clip: Clip) -> None:
    Clip.objects.update(deleted_at=clock.now())

    for clip_id in (clip.pk, uuid.uuid4()):
        for path in (f"/clips/{clip_id}/index.m3u8", f"/clips/{clip_id}/clip.mp4", f"/watch/clips/{clip_id}"):
            assert Client().get(path).status_code == 404


def test_that_could_not_be_made_are_not_begun(livestream: Livestream) -> None:
    """Their playlists were there before their file was to be."""
    clip = clip_of(livestream, status="failed", playlists={"index.m3u8": "#EXTM3U\n"}, size=7)

    for name in ("index.m3u8", "clip.mp4"):
        assert Client().get(f"/clips/{clip.pk}/{name}").status_code == 404


def test_have_no_other_names(clip: Clip) -> None:
    assert Client().get(f"/clips/{clip.pk}/other.m3u8").status_code == 404


def test_say_that_a_store_does_not_answer(livestream: Livestream, home: NewOrganization) -> None:
    storage = storage_of(home.app, endpoint="http://localhost")
    clip = clip_of(livestream, status="ready", storage=storage, playlists={"index.m3u8": "#EXTM3U\n"}, size=7)

    answer = Client().get(f"/clips/{clip.pk}/clip.mp4")

    assert answer.status_code == 503
    assert "address is inside this network" in answer.content.decode()


class TestOfAnotherMachine:
    @pytest.mark.parametrize("is_stored", [False, True])
    def test_are_fetched_from_there(self, clip: Clip, settings: Settings, is_stored: bool) -> None:
        if is_stored:
            making.make_clip(clip_id=clip.pk)
        path = f"/clips/{clip.pk}/clip.mp4"
        settings.NODE, settings.NODE_URLS = "south", {"main": "https://north.example.org"}

        playlist, played = Client().get(f"/clips/{clip.pk}/video.m3u8"), Client().get(path)
        saved = Client().get(f"{path}?download")

        assert playlist.status_code == 200
        assert (played.status_code, played["Location"]) == (302, f"https://north.example.org{path}?sent=1")
        assert (played["Access-Control-Allow-Origin"], played["Cache-Control"]) == ("*", "no-store")
        assert saved["Location"] == f"https://north.example.org{path}?download=&sent=1"
        settings.NODE = "main"
        assert Client().get(saved["Location"].removeprefix("https://north.example.org")).status_code == 200

    def test_are_fetched_here_where_a_storage_has_them(
        self, clip: Clip, home: NewOrganization, settings: Settings
    ) -> None:
        Clip.objects.update(status="ready", storage=storage_of(home.app))
        settings.NODE, settings.NODE_URLS = "south", {"main": "https://north.example.org"}

        assert Client().get(f"/clips/{clip.pk}/clip.mp4").status_code == 503

    @pytest.mark.parametrize(
        ("urls", "query"), [({}, ""), ({"main": "https://north.example.org"}, "?sent=1")], ids=["unknown", "circle"]
    )
    def test_say_where_they_are_if_nobody_knows_how_to_get_there(
        self, clip: Clip, settings: Settings, urls: dict[str, str], query: str
    ) -> None:
        settings.NODE, settings.NODE_URLS = "south", urls

        answer = Client().get(f"/clips/{clip.pk}/clip.mp4{query}")

        assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (503, "*")
        assert "in the folder of the machine main" in answer.content.decode()
        assert "tell this one where that machine is reached" in answer.content.decode()
