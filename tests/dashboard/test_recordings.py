"""The pages of recordings."""

import html
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from livehub.core import clock
from streams.meetings.services.meetings import create_meeting
from streams.models import Livestream, Recording, Session, User
from streams.organizations.services import SYSTEM, NewOrganization
from streams.recordings import played
from streams.recordings.renditions import FileForm
from streams.recordings.services import NewRecording, start_recording
from tests.dashboard.conftest import HTMX, get_html, squeezed
from tests.recordings.broadcast import clip, went_live
from tests.runs import connected, ended
from tests.stores.storages import storage_of


@pytest.fixture(autouse=True)
def by_call_alone(settings: Settings, tmp_path: Path) -> None:
    settings.RECORD_AUTOMATICALLY = False
    settings.RECORDINGS_PLAYED_DIR = tmp_path


@pytest.fixture
def browser(owner: User) -> Client:
    browser = Client()
    browser.force_login(owner)
    return browser


@pytest.fixture
def on_air(livestream: Livestream) -> Session:
    session = connected(livestream)
    went_live(session)
    return session


@pytest.fixture
def recording(on_air: Session, livestream: Livestream) -> Recording:
    return start_recording(livestream=livestream, new=NewRecording(), actor=SYSTEM)


def _stored(recording: Recording, **values: object) -> None:
    ended(Session.objects.get())
    now = clock.now()
    told = {"status": "uploaded", "size": 84_213_377, "duration_us": 214_500_000, "started_at": now, "uploaded_at": now}
    Recording.objects.filter(pk=recording.pk).update(**{**told, **values})


def test_tell_what_to_do_where_nothing_is_recorded(browser: Client) -> None:
    assert "Nothing has been recorded yet" in browser.get("/recordings").content.decode()


def test_say_what_is_stored_so_far_and_that_it_goes_on(browser: Client, recording: Recording) -> None:
    ended(Session.objects.get())
    told = "The storage Films answered AccessDenied. Give the key that permission."
    Recording.objects.filter(pk=recording.pk).update(status="uploading", taken_bytes=3_000_000, problem=told)
    recording.parts.create(number=1, offset=0, size=1_000_000, sha256="0" * 64, crc32=0)

    text = squeezed(get_html(browser, f"/recordings/{recording.pk}"))

    for words in (told, "2.9\xa0MB so far, 976.6\xa0KB stored", "storing it is tried again by itself", "data-poll"):
        assert words in text


def test_stop_asking_once_nothing_changes(browser: Client, recording: Recording) -> None:
    """Each answer has another link to the file: whoever watches it would be thrown back."""
    assert "data-poll" in get_html(browser, f"/recordings/{recording.pk}")
    _stored(recording, is_verified=True)

    assert "hx-trigger" not in squeezed(get_html(browser, f"/recordings/{recording.pk}", **HTMX))


def test_say_who_began_and_stopped_it_and_where_it_is(browser: Client, on_air: Session, livestream: Livestream) -> None:
    browser.post(f"/livestreams/{livestream.pk}/recordings/start")
    recording = Recording.objects.get()
    browser.post(f"/recordings/{recording.pk}/stop")

    text = squeezed(get_html(browser, f"/recordings/{recording.pk}"))

    assert text.count("By<bdi>owner@northwind.example</bdi>") == 2
    assert "On this LiveHub" in text
    assert f'href="/livestreams/{livestream.pk}/sessions/{on_air.pk}"' in text


def test_count_what_is_in_it_while_it_goes_on_and_no_pauses(browser: Client, recording: Recording) -> None:
    Recording.objects.filter(pk=recording.pk).update(
        status="paused", started_at=clock.now() - timedelta(hours=2), taken_bytes=3_000_000
    )
    init = recording.inits.create(slot="v0", name="1-1.init.mp4", offset=0, content=b"")
    for msn, left_out in enumerate(["", "", "paused"]):
        recording.segments.create(
            init=init, slot="v0", msn=msn, name=f"1-{msn}.m4s", run=1, offset=msn, size=1, at_ms=msn * 4000,
            duration_us=4_000_000, left_out=left_out, index=b"",
        )  # fmt: skip

    assert "<dd>8 s so far</dd>" in squeezed(get_html(browser, f"/recordings/{recording.pk}"))
    assert "2.9\xa0MB so far" in get_html(browser, "/recordings")


def test_be_called_by_their_meeting(browser: Client, recording: Recording, home: NewOrganization) -> None:
    meeting = create_meeting(app=home.app, values={"title": "Board meeting"}, actor=SYSTEM)
    Recording.objects.update(meeting=meeting)

    for page in ("/recordings", f"/recordings/{recording.pk}", "/recordings?q=board"):
        assert "Board meeting" in get_html(browser, page), page


def test_can_be_deleted_once_they_are_over(browser: Client, recording: Recording) -> None:
    """Below the clips; a page that is open gets it along with the rest."""
    delete = f'href="/recordings/{recording.pk}/delete"'
    assert delete not in get_html(browser, f"/recordings/{recording.pk}")
    _stored(recording)

    page, update = (get_html(browser, f"/recordings/{recording.pk}", **headers) for headers in ({}, HTMX))

    assert page.index('id="recording-clips-') < page.index(delete)
    assert re.search(rf'id="recording-manage-{recording.pk}"[^>]*hx-swap-oob="outerMorph"', update)
    assert delete in update


def test_list_what_was_recorded_and_what_was_checked(browser: Client, recording: Recording) -> None:
    _stored(recording, is_verified=True)

    text = browser.get("/recordings").content.decode()

    for words in ("Autumn keynote", "3 min 34 s", "80.3", "Verified"):
        assert words in text


def test_cost_the_same_for_many(
    browser: Client, recording: Recording, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    _stored(recording)
    with django_assert_max_num_queries(8):
        browser.get("/recordings")


def test_say_what_is_missing_and_why(browser: Client, recording: Recording) -> None:
    gap = {"at_us": 61_000_000, "length_us": 2_000_000, "reason": "disk_full"}
    _stored(recording, gaps=[gap], problem="2.0 s of the broadcast are missing, in 1 place.")

    text = browser.get(f"/recordings/{recording.pk}").content.decode()

    for words in ("Incomplete", "The disk was full", "1 min 01 s", "2 s", "2.0 s of the broadcast are missing"):
        assert words in text


def test_play_and_hand_out_what_is_stored(browser: Client, recording: Recording) -> None:
    _stored(recording, is_verified=True)

    text = browser.get(f"/recordings/{recording.pk}").content.decode()

    assert f'src="/recordings/{recording.pk}/file?token=' in text
    assert 'data-testid="download"' in text
    assert f"/recordings/{recording.pk}/file?token=" in text.partition('data-testid="download-sound"')[0]
    Recording.objects.update(has_sound=False)
    assert "download-sound" not in browser.get(f"/recordings/{recording.pk}").content.decode()


def test_say_how_large_its_picture_is_and_where_players_find_it(
    browser: Client, recording: Recording, livestream: Livestream, settings: Settings
) -> None:
    _stored(recording, is_verified=True)
    assert "None, its sound alone" in get_html(browser, f"/recordings/{recording.pk}")
    for number in range(2):
        content = clip("v0")[0].data
        recording.inits.create(slot="v0", name=f"{number}.init.mp4", offset=number, content=content)

    text = squeezed(get_html(browser, f"/recordings/{recording.pk}"))

    assert re.search('data-testid="picture">\\s*320\u00d7180\\s*</dd>', text)
    url = f"{settings.PUBLIC_URL}/playback/{livestream.playback_id}/recordings/{recording.pk}/index.m3u8"
    assert f">{url}</code>" in text


def test_play_here_what_another_storage_has(browser: Client, recording: Recording, home: NewOrganization) -> None:
    _stored(recording, storage=storage_of(home.app))

    text = browser.get(f"/recordings/{recording.pk}").content.decode()

    # By its own link it is downloaded; pages show nothing from there.
    assert f'src="/recordings/{recording.pk}/file?token=' in text


def test_show_what_was_made_of_it_and_what_was_asked_for(browser: Client, recording: Recording) -> None:
    asked = FileForm(codec="VP8", width=640, height=360, sound_codec="VORBIS", channels=1, has_sound_file=True)
    _stored(recording, is_verified=True, rendition=asked.kept)
    for kind, name, size in (("video", "shown.webm", 3_145_728), ("audio", "heard.ogg", 204_800)):
        recording.renderings.create(
            kind=kind, node="main", file_name=name, object_name=name, content_type="x", status="stored", size=size
        )

    text = squeezed(get_html(browser, f"/recordings/{recording.pk}"))

    rows = re.findall(r'data-testid="made".*?</tr>', text)
    told = [
        ("The recording itself", "VP8, 640\u00d7360, Vorbis mono", "shown.webm", "3.0\xa0MB", "Stored"),
        ("Its sound alone", "Vorbis mono", "heard.ogg", "200.0\xa0KB", "Stored"),
    ]
    assert [[words for words in each if words in row] for row, each in zip(rows, told, strict=True)] == [
        *map(list, told)
    ]
    (path,) = re.findall(r'href="([^"]*as=audio[^"]*)"', text)
    assert path.startswith(f"/recordings/{recording.pk}/file?token=")
    # What is handed out, and not what was broadcast.
    assert "80.3\xa0MB" not in text


def test_show_their_posters_and_why_there_is_none(browser: Client, recording: Recording) -> None:
    _stored(recording, stills_problem="The storage is full. Make room there, or raise its quota.")
    poster = re.compile(rf'"(/recordings/{recording.pk}/file\?token=[^"]*as=poster[^"]*)"')

    text = browser.get(f"/recordings/{recording.pk}").content.decode()
    assert "Being made: The storage is full." in text
    assert poster.search(text) is None

    Recording.objects.update(stills_status="made", stills_problem="", stills_strips=1)
    played.keep(Recording.objects.select_related("livestream").get(), "pictures/poster.jpg", b"a picture")
    for page in (f"/recordings/{recording.pk}", "/recordings"):
        (path,) = poster.findall(browser.get(page).content.decode())
        answer = Client().get(html.unescape(path))
        assert (answer.content, answer["Content-Type"]) == (b"a picture", "image/jpeg")


def test_begin_and_end_them_by_hand(browser: Client, on_air: Session, livestream: Livestream) -> None:
    there = f"/livestreams/{livestream.pk}/recordings"
    for address, headers in ((f"/livestreams/{livestream.pk}", {}), (f"{there}/newest", HTMX)):
        assert "Record from now" in get_html(browser, address, **headers)

    browser.post(f"{there}/start")

    recording = Recording.objects.get()
    assert "Record from now" not in get_html(browser, f"{there}/newest", **HTMX)
    for button, status in (("pause", "paused"), ("resume", "recording"), ("stop", "uploading")):
        assert browser.post(f"/recordings/{recording.pk}/{button}").status_code == 303
        recording.refresh_from_db()
        assert recording.status == status


def test_say_what_cannot_be_done_as_what_it_is(browser: Client, recording: Recording, livestream: Livestream) -> None:
    """Not as if it had been done."""
    again = browser.post(f"/livestreams/{livestream.pk}/recordings/start", follow=True)
    _stored(recording)
    late = browser.post(f"/recordings/{recording.pk}/pause", follow=True)

    for answer in (again, late):
        assert [message.level_tag for message in answer.context["messages"]] == ["warning"]


def test_ask_before_they_delete(browser: Client, recording: Recording) -> None:
    _stored(recording)
    page = f"/recordings/{recording.pk}/delete"
    asked = squeezed(get_html(browser, page))
    for words in ("Delete this recording of", "Autumn keynote", "3 min 34 s long", "This cannot be undone"):
        assert words in asked

    browser.post(page)

    assert browser.get(f"/recordings/{recording.pk}").status_code == 404
