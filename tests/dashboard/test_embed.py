"""The player in a page of its own: for anybody, in anybody's frame, without a trace of who looks."""

import pytest
from django.test import Client

from streams.livestreams.services import delete_livestream, rename_livestream
from streams.models import Livestream
from streams.organizations.services import SYSTEM
from tests.dashboard.conftest import get_html


@pytest.fixture
def there(livestream: Livestream) -> str:
    return f"/embed/{livestream.playback_id}"


def test_is_framed_by_anybody_and_sets_nothing(livestream: Livestream, there: str, browser: Client) -> None:
    for client in (Client(), browser):
        answer = client.get(there)

        assert answer.status_code == 200
        assert "frame-ancestors *" in answer["Content-Security-Policy"].split("; ")
        assert "X-Frame-Options" not in answer
        assert "Set-Cookie" not in str(answer.items())
        assert not answer.cookies
        assert "Cookie" not in answer.get("Vary", "")
        assert answer["Cache-Control"] == "public, max-age=60"


def test_tells_no_more_than_the_playback_url(livestream: Livestream, there: str, browser: Client) -> None:
    html = get_html(browser, there)

    assert f'data-src="{livestream.playback_path}"' in html
    for known in (livestream.stream_key, str(livestream.app_id), "/livestreams", "csrf", "Northwind"):
        assert known not in html


def test_plays_the_sound_alone(there: str) -> None:
    assert "data-sound-only" not in get_html(Client(), f"{there}?audio_only=false")
    assert "data-sound-only" in get_html(Client(), f"{there}?audio_only=true")


def test_is_gone_with_the_livestream(livestream: Livestream, there: str) -> None:
    assert Client().get("/embed/pb_unknown").status_code == 404

    delete_livestream(livestream=livestream, actor=SYSTEM)

    assert Client().get(there).status_code == 404


def test_code_to_embed_it_survives_any_name(livestream: Livestream, there: str, browser: Client) -> None:
    rename_livestream(livestream=livestream, name='"><script>', actor=SYSTEM)

    html = get_html(browser, f"/livestreams/{livestream.pk}")

    # As text of an element that holds HTML to be copied: escaped for that, and for the page.
    assert 'title="&amp;quot;&amp;gt;&amp;lt;script&amp;gt;"' in html
    assert f'src="{livestream.embed_url}"' in html
