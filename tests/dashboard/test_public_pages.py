"""The player on pages for anybody: to watch, and in anybody's frame, without a trace of who looks."""

import re
from html import unescape

import pytest
from django.test import Client

from streams.livestreams.services import delete_livestream, rename_livestream
from streams.livestreams.states import PlaybackPolicy
from streams.models import Livestream
from streams.organizations.services import SYSTEM
from tests.dashboard.conftest import get_html

_TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ2aWV3ZXItMSJ9.c2lnbmF0dXJl"


@pytest.fixture(params=["embed", "watch"])
def there(request: pytest.FixtureRequest, livestream: Livestream) -> str:
    return f"/{request.param}/{livestream.playback_id}"


@pytest.fixture
def signed(livestream: Livestream) -> Livestream:
    livestream.playback_policy = PlaybackPolicy.SIGNED
    livestream.save(update_fields=["playback_policy"])
    return livestream


class TestBothPages:
    def test_keep_nothing_of_who_looks_and_may_be_kept_a_minute(self, there: str, browser: Client) -> None:
        for client in (Client(), browser):
            answer = client.get(there)

            assert answer.status_code == 200
            assert "Set-Cookie" not in str(answer.items())
            assert not answer.cookies
            assert "Cookie" not in answer.get("Vary", "")
            assert answer["Cache-Control"] == "public, max-age=60"
            assert answer["Referrer-Policy"] == "no-referrer"

    def test_tell_no_more_than_the_playback_url(self, livestream: Livestream, there: str, browser: Client) -> None:
        html = get_html(browser, there)

        assert f'data-src="{livestream.playback_path}"' in html
        for known in (livestream.stream_key, str(livestream.app_id), "/livestreams", "csrf", "Northwind"):
            assert known not in html

    def test_play_with_the_token_of_their_url(self, livestream: Livestream, there: str) -> None:
        html = get_html(Client(), f"{there}?token={_TOKEN}")

        assert f'data-src="/playback/t/{_TOKEN}/{livestream.playback_id}/index.m3u8"' in html

    @pytest.mark.parametrize("token", ["", "x", "a.b.c.d", '"><script>.b.c', "../../t.b.c", "a" * 1025 + ".b.c"])
    def test_take_nothing_for_a_token_that_cannot_be_one(self, livestream: Livestream, there: str, token: str) -> None:
        html = unescape(Client().get(there, {"token": token}).content.decode())

        assert f'data-src="{livestream.playback_path}"' in html

    def test_do_as_their_url_asks(self, there: str) -> None:
        plain = get_html(Client(), there)
        for said in ("data-sound-only", 'data-autoplay="no"', 'data-muted="no"'):
            assert said not in plain

        asked = get_html(Client(), f"{there}?audio_only=true&autoplay=false&muted=false")

        for said in ("data-sound-only", 'data-autoplay="no"', 'data-muted="no"'):
            assert said in asked
        assert "data-sound-only" not in get_html(Client(), f"{there}?audio_only=false")

    def test_are_not_silent_where_somebody_has_asked_for_sound_alone(self, there: str) -> None:
        assert 'data-muted="no"' in get_html(Client(), f"{there}?audio_only=true&autoplay=false")
        for query in ("audio_only=true", "autoplay=false"):
            assert 'data-muted="no"' not in get_html(Client(), f"{there}?{query}")

    def test_are_gone_with_the_livestream(self, livestream: Livestream, there: str) -> None:
        assert Client().get(there.replace(livestream.playback_id, "pb_unknown")).status_code == 404

        delete_livestream(livestream=livestream, actor=SYSTEM)

        assert Client().get(there).status_code == 404

    def test_tell_viewers_that_there_is_nothing_without_a_way_into_the_dashboard(
        self, livestream: Livestream, there: str
    ) -> None:
        html = Client().get(there.replace(livestream.playback_id, "pb_unknown")).content.decode()

        assert "Ask for a new one where you got it" in html
        for known in ("overview", "organization", "<script", 'href="/"'):
            assert known not in html


class TestFrames:
    def test_the_player_is_framed_by_anybody_and_the_page_by_nobody(self, livestream: Livestream) -> None:
        embed, watch = (Client().get(f"/{page}/{livestream.playback_id}") for page in ("embed", "watch"))

        assert "frame-ancestors *" in embed["Content-Security-Policy"].split("; ")
        assert "X-Frame-Options" not in embed
        assert "frame-ancestors 'none'" in watch["Content-Security-Policy"].split("; ")
        assert watch["X-Frame-Options"] == "DENY"

    @pytest.mark.django_db
    def test_that_there_is_nothing_is_said_in_any_frame(self) -> None:
        embed, watch = (Client().get(f"/{page}/pb_unknown") for page in ("embed", "watch"))

        assert "frame-ancestors *" in embed["Content-Security-Policy"].split("; ")
        assert "X-Frame-Options" not in embed
        assert watch["X-Frame-Options"] == "DENY"


class TestPreviews:
    def test_other_sites_find_picture_and_player(self, livestream: Livestream) -> None:
        html = unescape(get_html(Client(), f"/watch/{livestream.playback_id}"))
        told = dict(re.findall(r'<meta (?:property|name)="((?:og|twitter):[^"]+)" content="([^"]*)">', html))

        assert told["og:title"] == str(livestream)
        assert told["og:url"] == livestream.watch_url
        assert told["og:image"] == told["twitter:image"] == livestream.thumbnail_url
        assert told["og:image"].startswith("http")
        assert told["og:video"] == told["twitter:player"] == livestream.embed_url
        [oembed] = re.findall(r'type="application/json\+oembed" href="([^"]+)"', html)
        assert Client().get(oembed.partition("//")[2].partition("/")[2].join(["/", ""])).status_code == 200


class TestSigned:
    def test_says_calmly_that_a_link_is_needed_and_tells_nothing_else(self, signed: Livestream, there: str) -> None:
        html = get_html(Client(), there)

        assert "For invited viewers" in html
        for known in (signed.name, "data-src", "og:", "<script", 'id="watch-url"'):
            assert known not in html

    def test_plays_by_a_link_with_a_token_and_passes_it_on_to_nobody(self, signed: Livestream, there: str) -> None:
        html = get_html(Client(), f"{there}?token={_TOKEN}")

        assert signed.name in html
        assert "For invited viewers" not in html
        for known in ("og:", "oembed", 'id="watch-url"'):
            assert known not in html
        assert html.count(_TOKEN) == html.count(f"/playback/t/{_TOKEN}/")


class TestSharing:
    def test_the_dialog_and_the_page_have_link_code_and_playback_url(
        self, livestream: Livestream, browser: Client
    ) -> None:
        there = f"/livestreams/{livestream.pk}/share"
        for headers in ({}, {"HX-Request": "true"}):
            html = unescape(get_html(browser, there, **headers))

            for value in (livestream.watch_url, f'<iframe src="{livestream.embed_url}"', livestream.playback_url):
                assert value in html
            assert ("<h1" in html, "</html>" in html) == (True, not headers)
        assert f'href="{there}"' in get_html(browser, f"/livestreams/{livestream.pk}")

    def test_the_code_says_what_is_ticked_and_the_player_understands_it(
        self, livestream: Livestream, browser: Client
    ) -> None:
        there = f"/livestreams/{livestream.pk}/share?audio_only=on&waits=on&with_sound=on"
        html = get_html(browser, there, **{"HX-Request": "true", "HX-Target": "embed-code-box"})
        assert "<h1" not in html

        [address] = re.findall(r'src="([^"]+)"', unescape(unescape(html)))

        assert address == f"{livestream.embed_url}?audio_only=true&autoplay=false&muted=false"

    def test_the_code_survives_any_name(self, livestream: Livestream, browser: Client) -> None:
        rename_livestream(livestream=livestream, name='"><script>', actor=SYSTEM)

        html = get_html(browser, f"/livestreams/{livestream.pk}/share")

        # As text of an element that holds HTML to be copied: escaped for that, and for the page.
        assert "title=&quot;&amp;quot;&amp;gt;&amp;lt;script&amp;gt;&quot;" in html
