"""The pages of clips."""

import re
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from livehub.core import clock
from streams.models import Clip, Livestream, Member, Recording, Role, Session, User
from streams.organizations.services import SYSTEM
from streams.recordings.services import NewRecording, start_recording
from tests.dashboard.conftest import HTMX, get_html, squeezed
from tests.recordings.broadcast import MadeBroadcast, went_live
from tests.recordings.rows import clip_of
from tests.runs import connected


@pytest.fixture(autouse=True)
def folders(settings: Settings, tmp_path: Path) -> None:
    settings.RECORD_AUTOMATICALLY = False
    settings.PLAYBACK_DIR = tmp_path / "playback"
    settings.RECORDING_SPOOL_DIR = settings.PLAYBACK_DIR / ".recordings"


@pytest.fixture
def browser(owner: User) -> Client:
    browser = Client()
    browser.force_login(owner)
    return browser


@pytest.fixture
def on_air(livestream: Livestream) -> Session:
    return _on_air(livestream)


def _on_air(livestream: Livestream) -> Session:
    session = connected(livestream)
    went_live(session)
    return session


@pytest.fixture
def stored(on_air: Session, livestream: Livestream) -> Recording:
    recording = start_recording(livestream=livestream, new=NewRecording(), actor=SYSTEM)
    Recording.objects.update(status="uploaded", size=84_213_377, duration_us=214_500_000)
    return recording


@pytest.fixture
def began_ms(on_air: Session) -> int:
    """When a broadcast began of which there are six seconds."""
    began_ms = clock.epoch_ms(clock.now()) - 60_000
    MadeBroadcast(on_air, began_ms=began_ms).add(6)
    return began_ms


def _ready(livestream: Livestream, **values: object) -> Clip:
    told = {"status": "ready", "title": "The opening", "duration_us": 30_000_000, "size": 11_812_004}
    return clip_of(livestream, playlists={"index.m3u8": ""}, **{**told, **values})


def test_tell_what_to_do_where_nothing_is_clipped(browser: Client, livestream: Livestream) -> None:
    assert "Nothing has been clipped yet" in get_html(browser, "/clips")
    assert "Clip it" not in get_html(browser, f"/livestreams/{livestream.pk}/clips", **HTMX)


def test_show_each_with_its_link_and_its_file(browser: Client, livestream: Livestream, settings: Settings) -> None:
    gap = {"at_us": 0, "length_us": 1, "reason": "slate"}
    clip = _ready(livestream, gaps=[gap])
    # Which livestream's, where that is not said.
    assert get_html(browser, "/clips").count(livestream.name) == 1
    assert livestream.name not in get_html(browser, f"/livestreams/{livestream.pk}/clips", **HTMX)

    for page in (get_html(browser, "/clips"), get_html(browser, f"/livestreams/{livestream.pk}/clips", **HTMX)):
        for words in ("The opening", "30 s", "11.3", "Ready", "Not in it: The encoder was away"):
            assert words in page
        assert f'data-copy-text="{settings.PUBLIC_URL}/watch/clips/{clip.pk}"' in page
        assert f'href="/clips/{clip.pk}/clip.mp4?download"' in page


def test_look_again_while_one_is_being_made(browser: Client, livestream: Livestream) -> None:
    clip = _ready(livestream, status="making", problem="The storage does not answer.")
    page = get_html(browser, f"/livestreams/{livestream.pk}/clips", **HTMX)
    assert "every 2s" in page
    assert "The storage does not answer." in page
    assert "?download" not in page

    Clip.objects.filter(pk=clip.pk).update(status="ready")

    assert "every 2s" not in get_html(browser, f"/livestreams/{livestream.pk}/clips", **HTMX)


def test_cost_the_same_for_many(
    browser: Client, livestream: Livestream, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(6):
        _ready(livestream)

    for page, headers in (("/clips", {}), (f"/livestreams/{livestream.pk}/clips", HTMX)):
        with django_assert_max_num_queries(8):
            get_html(browser, page, **headers)


def test_are_on_their_pages_from_the_beginning(browser: Client, livestream: Livestream, stored: Recording) -> None:
    """Nothing moves when they come later, and whoever has no JavaScript has them too."""
    _ready(livestream, recording=stored)

    for page in (f"/livestreams/{livestream.pk}", f"/recordings/{stored.pk}"):
        html = get_html(browser, page)
        assert "The opening" in html, page
        assert not re.search(r'hx-get="[^"]*/clips"[^>]*hx-trigger="load', squeezed(html)), page
    assert 'data-clip-marks="time"' in get_html(browser, f"/recordings/{stored.pk}")


def test_can_be_made_on_a_page_that_was_open_before_the_broadcast(browser: Client, livestream: Livestream) -> None:
    again = re.compile(rf'hx-get="/livestreams/{livestream.pk}/clips"[^>]*hx-trigger="every 10s"')
    assert again.search(squeezed(get_html(browser, f"/livestreams/{livestream.pk}")))

    MadeBroadcast(_on_air(livestream), began_ms=clock.epoch_ms(clock.now()) - 60_000).add(1)

    html = squeezed(get_html(browser, f"/livestreams/{livestream.pk}/clips", **HTMX))
    assert "Clip it" in html
    # What is typed into it stays.
    assert not again.search(html)


def test_clip_the_last_seconds(browser: Client, livestream: Livestream, began_ms: int) -> None:
    there = f"/livestreams/{livestream.pk}/clips"
    assert "Clip it" in get_html(browser, there, **HTMX)

    answer = browser.post(there, {"last_s": "3", "title": "The end", "from_ms": "", "until_ms": ""}, follow=True)

    assert "The clip is made." in answer.content.decode()
    clip = Clip.objects.get()
    assert (clip.title, (clip.until_ms or 0) - (clip.from_ms or 0)) == ("The end", 3000)


def test_clip_between_marks(browser: Client, livestream: Livestream, began_ms: int) -> None:
    marks = {"last_s": "30", "from_ms": str(began_ms + 1500), "until_ms": str(began_ms + 4500)}

    browser.post(f"/livestreams/{livestream.pk}/clips", marks)

    assert Clip.objects.get().duration_us == 3_000_000


def test_say_why_nothing_is_clipped(browser: Client, livestream: Livestream, began_ms: int) -> None:
    wrong: list[tuple[dict[str, str], str]] = [
        ({"from_ms": str(began_ms + 4500), "until_ms": str(began_ms)}, "The end has to be behind the start."),
        ({"from_ms": str(began_ms)}, "Say where it starts and ends"),
        ({"last_s": "4000"}, "A clip lasts 10 minutes at most."),
        ({"last_s": "soon"}, "The clip cannot be like this."),
    ]
    for sent, words in wrong:
        answer = browser.post(f"/livestreams/{livestream.pk}/clips", sent, follow=True)
        html = squeezed(answer.content.decode())
        # As what it is: nothing was done.
        assert re.search(f'notice warning"[^>]*>(?:<svg.*?</svg>)?<span>[^<]*{re.escape(words)}', html)
    assert not Clip.objects.exists()


def test_record_what_has_been_broadcast(browser: Client, livestream: Livestream, began_ms: int) -> None:
    browser.post(f"/livestreams/{livestream.pk}/recordings/window", {"minutes": "5"})

    assert Recording.objects.get().origin == "window"


def test_clip_a_recording_by_its_marks(browser: Client, stored: Recording) -> None:
    there = f"/recordings/{stored.pk}/clips"
    page = get_html(browser, there)
    assert 'data-clip-marks="time"' in page

    answer = browser.post(there, {"start_s": "200", "end_s": "300.5"}, follow=True)

    assert "The recording lasts 214.500 s." in answer.content.decode()


def test_ask_before_they_delete(browser: Client, livestream: Livestream) -> None:
    clip = _ready(livestream)
    page = f"/clips/{clip.pk}/delete"
    assert "Delete the clip" in get_html(browser, page)

    browser.post(page)

    assert not Clip.objects.existing().exists()


def test_only_show_to_who_may_not_operate(livestream: Livestream, owner: User, began_ms: int) -> None:
    clip = _ready(livestream)
    Member.objects.filter(user=owner).update(role=Role.VIEWER)
    viewer = Client()
    viewer.force_login(owner)

    page = get_html(viewer, f"/livestreams/{livestream.pk}/clips", **HTMX)

    assert "The opening" in page
    assert "Clip it" not in page
    assert f"/clips/{clip.pk}/delete" not in page
