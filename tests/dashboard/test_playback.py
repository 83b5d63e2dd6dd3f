"""The dashboard's forms of playback."""

import html
import re
from uuid import uuid4

import jwt
import pytest
from django.http import HttpResponse
from django.test import Client

from streams.livestreams import viewers
from streams.livestreams.playback_keys import ensure_key
from streams.livestreams.services import change_livestream
from streams.media.viewer_tokens import PlaybackRefusedError
from streams.models import AuditEntry, Livestream, PlaybackKey, User
from streams.organizations.services import SYSTEM
from tests.playing import check_playback

_SHOP, _OTHER = "https://shop.example", "https://other.example"
_FORM = {
    "playback_policy": "signed",
    "max_viewers": "25",
    "allowed_origins": "https://shop.example\r\n\r\nhttps://Club.example/ ",
    "latency_mode": "standard",
    "dvr_window_s": "7200",
}


@pytest.fixture
def browser(owner: User) -> Client:
    browser = Client()
    browser.force_login(owner)
    return browser


@pytest.fixture
def signed(livestream: Livestream) -> Livestream:
    return change_livestream(livestream=livestream, actor=SYSTEM, playback_policy="signed")


def text_of(response: object) -> str:
    assert isinstance(response, HttpResponse)
    return html.unescape(response.content.decode())


def page_of(livestream: Livestream, *more: str) -> str:
    return "/".join(("/livestreams", str(livestream.pk), *more))


class TestSettings:
    def test_are_changed_together(self, browser: Client, livestream: Livestream) -> None:
        there = page_of(livestream, "playback")

        answer = browser.post(there, _FORM)

        assert answer.status_code == 303
        livestream.refresh_from_db()
        assert livestream.allowed_origins == ["https://shop.example", "https://club.example"]
        assert (livestream.playback_policy, livestream.max_viewers) == ("signed", 25)
        assert (livestream.latency_mode, livestream.dvr_window_s) == ("standard", 7200)
        shown = text_of(browser.get(page_of(livestream)))
        assert "Viewers with a link of their own, 25 at once" in shown
        assert "https://shop.example, https://club.example" in shown
        assert "Viewers can go back up to 2 hours" in shown

    def test_that_somebody_else_changed_meanwhile_stay(self, browser: Client, livestream: Livestream) -> None:
        shown = {f"initial-{name}": str(getattr(livestream, name)) for name in ("latency_mode", "dvr_window_s")}
        shown |= {"initial-playback_policy": "public", "initial-allowed_origins": "", "initial-max_viewers": ""}
        change_livestream(livestream=livestream, actor=SYSTEM, allowed_origins=["https://shop.example"])

        left = {"playback_policy": "public", "allowed_origins": "", "max_viewers": "", "dvr_window_s": "3600"}
        browser.post(page_of(livestream, "playback"), {**shown, **left, "latency_mode": "standard"})

        livestream.refresh_from_db()
        assert (livestream.latency_mode, livestream.allowed_origins) == ("standard", ["https://shop.example"])

    def test_that_a_program_has_chosen_are_kept(self, browser: Client, livestream: Livestream) -> None:
        change_livestream(livestream=livestream, actor=SYSTEM, dvr_window_s=90)

        assert "Up to 90 seconds" in text_of(browser.get(page_of(livestream, "playback")))

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"playback_policy": "public"}, "cannot be told apart"),
            ({"allowed_origins": "shop.example"}, "Write origins such as https://example.com"),
            ({"max_viewers": "0"}, "greater than or equal to 1"),
        ],
        ids=str,
    )
    def test_that_cannot_be_are_refused_where_they_stand(
        self, browser: Client, livestream: Livestream, wrong: dict[str, str], said: str
    ) -> None:
        answer = browser.post(page_of(livestream, "playback"), {**_FORM, **wrong})

        assert (answer.status_code, said in text_of(answer)) == (422, True)
        livestream.refresh_from_db()
        assert livestream.playback_policy == "public"

    def test_are_chosen_at_the_beginning(self, browser: Client) -> None:
        chosen = {"name": "Members only", "playback_policy": "signed", "latency_mode": "standard"}

        browser.post("/livestreams/create", chosen)

        made = Livestream.objects.get()
        assert (made.playback_policy, made.latency_mode) == ("signed", "standard")


class TestViewerLink:
    def test_plays_and_is_written_down(self, browser: Client, signed: Livestream) -> None:
        answer = browser.post(page_of(signed, "viewer-link"), {"viewer_id": "ann@example.com", "lasts_s": "3600"})

        found = re.search(rf"/watch/{signed.playback_id}\?token=([\w.-]+)", text_of(answer))
        assert found is not None
        assert check_playback(playback_id=signed.playback_id, token=found[1], origin="").expires_at is not None
        assert AuditEntry.objects.get(action="livestream.viewer_link_created").detail == {
            "viewer_id": "ann@example.com"
        }
        assert "no-store" in answer["Cache-Control"]

    def test_is_for_whoever_can_be_called_so(self, browser: Client, signed: Livestream) -> None:
        answer = browser.post(page_of(signed, "viewer-link"), {"viewer_id": "Ann Smith", "lasts_s": "3600"})

        assert (answer.status_code, "Use 1 to 64 letters" in text_of(answer)) == (422, True)

    def test_is_offered_where_the_livestream_is_shared(self, browser: Client, signed: Livestream) -> None:
        assert f'href="{page_of(signed, "viewer-link")}"' in text_of(browser.get(page_of(signed, "share")))


class TestSendingAViewerAway:
    def test_ends_what_their_links_play(self, browser: Client, signed: Livestream) -> None:
        token = viewers.let_in(livestream=signed, viewer_id="ann").token
        assert f'href="{page_of(signed, "viewer-dismissal")}"' in text_of(browser.get(page_of(signed)))

        answer = browser.post(page_of(signed, "viewer-dismissal"), {"viewer_id": "ann"}, follow=True)

        assert "Links that were made for ann stop working within 10 seconds." in text_of(answer)
        with pytest.raises(PlaybackRefusedError):
            check_playback(playback_id=signed.playback_id, token=token, origin="")

    def test_says_how_viewers_are_called(self, browser: Client, signed: Livestream) -> None:
        answer = browser.post(page_of(signed, "viewer-dismissal"), {"viewer_id": "Ann Smith"})

        assert (answer.status_code, "Use 1 to 64 letters" in text_of(answer)) == (422, True)


class TestSigningKey:
    def test_is_told_when_asked_for_and_that_is_written_down(self, browser: Client, signed: Livestream) -> None:
        there, secret = page_of(signed, "signing-key"), ensure_key(signed.app).secret

        assert secret not in text_of(browser.get(there))
        assert secret in text_of(browser.post(there))
        assert AuditEntry.objects.filter(action="app.playback_key_shown").count() == 1

    def test_is_rotated(self, browser: Client, signed: Livestream) -> None:
        there, before = page_of(signed, "signing-key", "rotate"), ensure_key(signed.app)

        assert "Work for another day" in text_of(browser.get(there))
        browser.post(there, {"overlap_s": "0"})

        assert ensure_key(signed.app).pk != before.pk
        assert not PlaybackKey.objects.valid().filter(pk=before.pk).exists()


class TestOwnPages:
    def test_play_what_only_some_may_watch(self, browser: Client, signed: Livestream) -> None:
        found = re.search(r'data-src="/playback/t/([\w.-]+)/', text_of(browser.get(page_of(signed))))

        assert found is not None
        assert check_playback(playback_id=signed.playback_id, token=found[1], origin="")

    def test_use_the_plain_address_of_the_others(self, browser: Client, livestream: Livestream) -> None:
        assert f'data-src="{livestream.playback_path}"' in text_of(browser.get(page_of(livestream)))

        change_livestream(livestream=livestream, actor=SYSTEM, playback_policy="signed")

        with pytest.raises(PlaybackRefusedError):
            check_playback(playback_id=livestream.playback_id, token="", origin="")


class TestFrames:
    @pytest.mark.parametrize(
        ("allowed", "origin", "frames"),
        [
            ([], "", "*"),
            ([_SHOP, _OTHER], "", f"{_SHOP} {_OTHER}"),
            ([], _SHOP, _SHOP),
            ([_SHOP, _OTHER], _OTHER, _OTHER),
            ([_SHOP], _OTHER, "'none'"),
            # Made up, by whoever wants to write our headers.
            ([_SHOP], "https://x.example; script-src *", _SHOP),
        ],
    )
    def test_are_those_of_whoever_may_embed_it(
        self, signed: Livestream, allowed: list[str], origin: str, frames: str
    ) -> None:
        change_livestream(livestream=signed, actor=SYSTEM, allowed_origins=allowed)
        claims = {"sub": "ann", "origin": origin}
        token = jwt.encode(claims, "x" * 40, algorithm="HS256", headers={"kid": str(uuid4())})

        answer = Client().get(f"/embed/{signed.playback_id}", {"token": token} if origin else {})

        assert f"frame-ancestors {frames};" in f"{answer.headers['Content-Security-Policy']};"
        assert "X-Frame-Options" not in answer.headers
