"""What a site is told that somebody pastes a link into."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from streams.livestreams.services import delete_livestream, rename_livestream
from streams.livestreams.states import PlaybackPolicy
from streams.models import Livestream, Session
from streams.organizations.services import SYSTEM
from tests import runs

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def ask(livestream: Livestream) -> Ask:
    def get(url: str = "", **query: str) -> dict[str, Any]:
        answer = Client().get("/oembed", {"url": url or livestream.watch_url, **query})
        assert answer.status_code == 200, answer.content
        told: dict[str, Any] = answer.json()
        return told

    return get


def test_tells_the_player_of_either_page(livestream: Livestream, ask: Ask) -> None:
    rename_livestream(livestream=livestream, name='Ice "cold" & <clear>', actor=SYSTEM)
    for url in (livestream.watch_url, livestream.embed_url):
        told = ask(url, format="json")

        assert (told["version"], told["type"], told["title"]) == ("1.0", "video", 'Ice "cold" & <clear>')
        assert told["html"].startswith(f'<iframe src="{livestream.embed_url}"')
        assert 'title="Ice &quot;cold&quot; &amp; &lt;clear&gt;"' in told["html"]
        assert (told["width"], told["height"]) == (960, 540)
        # Nothing is on: there is no picture, whose size would have to be told.
        assert "thumbnail_url" not in told


def test_names_a_picture_as_long_as_there_is_something_to_play(live: Session, ask: Ask) -> None:
    def pictured() -> tuple[str, int, int]:
        told = ask()
        return told["thumbnail_url"], told["thumbnail_width"], told["thumbnail_height"]

    expected = (live.livestream.thumbnail_url, 640, 360)
    assert pictured() == expected

    runs.ended(live)
    assert pictured() == expected

    Session.objects.update(file_nodes=[])
    assert "thumbnail_url" not in ask()


@pytest.mark.parametrize(
    ("limits", "size"),
    [
        ({"maxwidth": "640"}, (640, 360)),
        ({"maxheight": "180"}, (320, 180)),
        ({"maxwidth": "200", "maxheight": "900"}, (200, 112)),
        ({"maxwidth": "1"}, (1, 1)),
        ({"maxwidth": "999999", "maxheight": "720"}, (1280, 720)),
    ],
)
def test_keeps_within_the_limits(ask: Ask, limits: dict[str, str], size: tuple[int, int]) -> None:
    told = ask(**limits)

    assert (told["width"], told["height"]) == size
    assert re.findall(r'(?:width|height)="(\d+)"', told["html"]) == [str(side) for side in size]


def test_keeps_what_the_address_asks_of_the_player(livestream: Livestream, ask: Ask) -> None:
    told = ask(f"{livestream.embed_url}?audio_only=true")

    assert f'src="{livestream.embed_url}?audio_only=true"' in told["html"]
    assert told["height"] == 64


def test_is_for_every_site_and_keeps_nothing(livestream: Livestream) -> None:
    answer = Client().get("/oembed", {"url": livestream.watch_url})

    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer["Cache-Control"] == "public, max-age=60"
    assert not answer.cookies


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"format": "xml"}, 501),
        ({"maxwidth": "wide"}, 400),
        ({"maxwidth": "0"}, 400),
        ({"maxheight": "-1"}, 400),
        ({"maxwidth": "٣"}, 400),
        ({"url": ""}, 404),
        ({"url": "http://["}, 400),
        ({"url": "https://elsewhere.example/watch/{}"}, 404),
        ({"url": "/watch/{}"}, 404),
    ],
)
def test_says_what_is_wrong(livestream: Livestream, query: dict[str, str], status: int) -> None:
    asked = {"url": livestream.watch_url} | {name: text.format(livestream.playback_id) for name, text in query.items()}

    answer = Client().get("/oembed", asked)

    assert answer.status_code == status
    assert answer.json()["error"]
    assert answer["Access-Control-Allow-Origin"] == "*"


def test_knows_only_what_is_played(livestream: Livestream) -> None:
    for url in (livestream.watch_url + "x", livestream.watch_url.replace("/watch/", "/playback/")):
        assert Client().get("/oembed", {"url": url}).status_code == 404

    delete_livestream(livestream=livestream, actor=SYSTEM)

    assert Client().get("/oembed", {"url": livestream.watch_url}).status_code == 404


def test_does_not_tell_of_what_is_for_invited_viewers(livestream: Livestream) -> None:
    livestream.playback_policy = PlaybackPolicy.SIGNED
    livestream.save(update_fields=["playback_policy"])

    assert Client().get("/oembed", {"url": livestream.watch_url}).status_code == 401
