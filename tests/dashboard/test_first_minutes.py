"""From an empty dashboard to a picture: the set-up box, the test picture, and what was refused."""

import re
from collections.abc import Callable

import pytest
from django.conf import LazySettings
from django.test import Client

from livehub.core import clock
from streams.livestreams import refusals, services
from streams.livestreams.services import create_livestream
from streams.media.test_picture import ENCODER_NAME
from streams.models import ApiKey, Livestream, LogIn, Session, StreamKey, User
from streams.organizations.services import SYSTEM, NewOrganization
from tests.dashboard.conftest import HTMX, get_html, squeezed
from tests.runs import connected

NEW_KEY = {"name": "Booking system", "kind": "basic", "scopes": ["read"], "expires_in_days": "30"}


class TestSetUpBox:
    def test_shows_one_server_first_and_marks_our_own_certificate(
        self, browser: Client, livestream: Livestream, settings: LazySettings
    ) -> None:
        html = squeezed(get_html(browser, f"/livestreams/{livestream.pk}"))

        assert f'aria-labelledby="ingest-url-label">{settings.RTMP_URL}</code>' in html
        folded = html.partition('data-testid="other-server"')[2].partition("</details>")[0]
        assert settings.RTMPS_URL in folded
        assert "OBS will refuse this certificate" in folded
        assert html.count(settings.RTMPS_URL) == 1

    def test_shows_the_encrypted_server_first_with_a_real_certificate(
        self, browser: Client, livestream: Livestream, settings: LazySettings
    ) -> None:
        settings.TLS_CERTIFICATE, settings.INGEST_URL = "/etc/ssl/live.pem", settings.RTMPS_URL

        html = squeezed(get_html(browser, f"/livestreams/{livestream.pk}"))

        assert f'aria-labelledby="ingest-url-label">{settings.RTMPS_URL}</code>' in html
        assert "OBS will refuse" not in html

    def test_has_a_line_for_ffmpeg_without_a_file(self, browser: Client, livestream: Livestream) -> None:
        html = get_html(browser, f"/livestreams/{livestream.pk}")

        line = re.search(r'data-copy-with-key="(ffmpeg [^"]+)\{stream_key\}"', html)
        assert line is not None
        assert line[1].count("-f lavfi") == 2

    def test_comes_first_on_a_phone_only_while_nothing_is_on_air(self, browser: Client, livestream: Livestream) -> None:
        # In the page itself: a style that turned the order around would move the picture while the page arrives.
        html = get_html(browser, f"/livestreams/{livestream.pk}")
        assert html.index('class="card setup"') < html.index('id="picture"')

        connected(livestream)

        html = get_html(browser, f"/livestreams/{livestream.pk}")
        assert html.index('class="card setup"') > html.index('id="picture"')


class TestTestPicture:
    def test_starts_and_stops_with_a_button(self, browser: Client, livestream: Livestream) -> None:
        address = f"/livestreams/{livestream.pk}"
        assert "Send a test picture" in get_html(browser, address)

        started = browser.post(f"{address}/test-picture/start", headers=HTMX)
        assert "Stop the test picture" in started.content.decode()
        assert "Stop the test picture" in get_html(browser, address, **HTMX)

        stopped = browser.post(f"{address}/test-picture/stop", headers=HTMX)
        assert "Send a test picture" in stopped.content.decode()
        assert not StreamKey.objects.valid().filter(is_for_test_picture=True).exists()

    def test_works_without_javascript(self, browser: Client, livestream: Livestream) -> None:
        address = f"/livestreams/{livestream.pk}"

        for deed in ("start", "stop"):
            answer = browser.post(f"{address}/test-picture/{deed}")
            assert (answer.status_code, answer["Location"]) == (303, address)

    def test_says_why_it_was_refused(self, browser: Client, livestream: Livestream) -> None:
        services.disable_livestream(livestream=livestream, actor=SYSTEM)
        address = f"/livestreams/{livestream.pk}"

        answer = browser.post(f"{address}/test-picture/start", headers=HTMX)
        assert answer.status_code == 409
        assert "The livestream is disabled. Enable it first." in answer.content.decode()

        browser.post(f"{address}/test-picture/start")
        assert "The livestream is disabled. Enable it first." in get_html(browser, address)

    def test_is_for_those_who_may_publish(
        self, viewer_browser: Client, livestream: Livestream, foreign_livestream: Livestream, browser: Client
    ) -> None:
        for deed in ("start", "stop"):
            assert viewer_browser.post(f"/livestreams/{livestream.pk}/test-picture/{deed}").status_code == 403
            assert browser.post(f"/livestreams/{foreign_livestream.pk}/test-picture/{deed}").status_code == 404
            assert browser.get(f"/livestreams/{livestream.pk}/test-picture/{deed}").status_code == 405
        assert "test picture" not in get_html(viewer_browser, f"/livestreams/{livestream.pk}")

    def test_is_named_as_the_encoder(self, browser: Client, live: Session) -> None:
        live.connections.update(software=ENCODER_NAME, address=None)

        html = squeezed(get_html(browser, f"/livestreams/{live.livestream_id}"))

        assert "<dt>Encoder</dt><dd>LiveHub&#x27;s test picture</dd>" in html


class TestRefusals:
    def test_are_dismissed(self, browser: Client, viewer_browser: Client, livestream: Livestream) -> None:
        refusal = {"refused_publishes": 3, "last_refusal": "It is disabled.", "last_refused_at": clock.now()}
        Livestream.objects.update(**refusal)
        address = f"/livestreams/{livestream.pk}"
        assert 'data-testid="dismiss"' in get_html(browser, address)
        assert 'data-testid="dismiss"' not in get_html(viewer_browser, address)
        assert viewer_browser.post(f"{address}/dismiss-refusals").status_code == 403

        answer = browser.post(f"{address}/dismiss-refusals", headers=HTMX)

        assert "refused" not in answer.content.decode()
        assert "All well" in get_html(browser, "/")

    def test_of_unknown_keys_are_told_to_owners(
        self, browser: Client, operator: User, log_in: Callable[[User], Client], livestream: Livestream
    ) -> None:
        for _ in range(2):
            refusals.note_unknown_key("203.0.113.9")

        html = get_html(browser, "/")

        assert "2 tries with unknown keys from 203.0.113.9 in the last hour." in html
        assert "All well" not in html
        assert "203.0.113.9" not in get_html(log_in(operator), "/")


class TestList:
    def test_has_what_is_on_air_first(self, browser: Client, home: NewOrganization, live: Session) -> None:
        for name in ("Newer", "Newest"):
            create_livestream(app=home.app, name=name, actor=SYSTEM)
        connected(create_livestream(app=home.app, name="Coming", actor=SYSTEM))

        html = get_html(browser, "/livestreams")

        places = [html.index(f">{name}</a>") for name in ("Autumn keynote", "Coming", "Newest", "Newer")]
        assert places == sorted(places)

    def test_counts_each_status_in_its_tab(self, browser: Client, home: NewOrganization, live: Session) -> None:
        for name in ("One", "Two"):
            create_livestream(app=home.app, name=name, actor=SYSTEM)
        services.disable_livestream(livestream=Livestream.objects.get(name="Two"), actor=SYSTEM)

        html = squeezed(get_html(browser, "/livestreams?status=live&sort=name"))

        tabs = re.findall(r'<a href="([^"]+)"([^>]*)>([A-Z]\w+)<span class="num">(\d+)</span></a>', html)
        assert [(label, int(count)) for _, _, label, count in tabs] == [
            ("All", 3), ("Live", 1), ("Reconnecting", 0), ("Standby", 0), ("Connecting", 0), ("Offline", 1),
            ("Failed", 0), ("Disabled", 1),
        ]  # fmt: skip
        assert [label for _, current, label, _ in tabs if "aria-current" in current] == ["Live"]
        assert "Two" not in get_html(browser, "/livestreams?status=idle")
        assert tabs[7][0] == "/livestreams?status=disabled&amp;sort=name"

    def test_finds_by_the_short_id_that_it_shows(self, browser: Client, home: NewOrganization) -> None:
        shown, other = (create_livestream(app=home.app, name=name, actor=SYSTEM) for name in ("Shown", "Other"))

        html = get_html(browser, f"/livestreams?q={shown.short_id}")

        assert f'data-copy-text="{shown.pk}"' in html
        assert other.name not in html

    def test_has_a_name_for_one_without(self, browser: Client, home: NewOrganization) -> None:
        nameless = create_livestream(app=home.app, name="", actor=SYSTEM)

        for address in ("/livestreams", f"/livestreams/{nameless.pk}"):
            assert f"Livestream {nameless.short_id}" in get_html(browser, address)

    def test_disables_after_a_question_only(self, browser: Client, livestream: Livestream) -> None:
        html = get_html(browser, "/livestreams")

        assert f'action="/livestreams/{livestream.pk}/disable"' not in html
        question = get_html(browser, f"/livestreams/{livestream.pk}/disable?from=list", **HTMX)
        assert '<input type="hidden" name="from" value="list">' in question


class TestCreate:
    def test_suggests_a_name(self, browser: Client) -> None:
        html = get_html(browser, "/livestreams/create", **HTMX)

        assert re.search(r'value="(Livestream of \d+ \w+, \d\d:\d\d)"[^>]*data-suggested="\1"', html)


class TestNewKey:
    def test_a_reload_makes_no_second_one(self, browser: Client) -> None:
        keys = ApiKey.objects.count()
        answer = browser.post("/account/api-keys/create", NEW_KEY)
        assert (answer.status_code, answer["Location"]) == (303, "/account/api-keys/created")

        shown = browser.get(answer["Location"])
        reloaded = browser.get(answer["Location"])

        assert "lh_" in shown.content.decode()
        assert (reloaded.status_code, reloaded["Location"]) == (303, "/account")
        assert "shown only once" in get_html(browser, "/account")
        assert ApiKey.objects.count() == keys + 1

    def test_rests_nowhere_in_the_clear(self, browser: Client) -> None:
        browser.post("/account/api-keys/create", NEW_KEY)
        session = LogIn.objects.get(pk=browser.cookies["sessionid"].value)
        rested = str(session.get_decoded())
        assert "new_api_key" in rested

        html = get_html(browser, "/account/api-keys/created")

        secret = re.search(r"lh_\w+", html.partition('id="new-key"')[2])
        assert secret is not None
        assert secret[0].rpartition("_")[2] not in rested
        session.refresh_from_db()
        assert "new_api_key" not in session.get_decoded()

    @pytest.mark.parametrize("method", ["get", "head"])
    def test_is_for_those_who_administer(self, operator: User, log_in: Callable[[User], Client], method: str) -> None:
        assert getattr(log_in(operator), method)("/account/api-keys/created").status_code == 403


class TestListUpdates:
    def test_keep_rows_where_they_are_while_they_are_the_same(self, browser: Client, home: NewOrganization) -> None:
        first = create_livestream(app=home.app, name="First made", actor=SYSTEM)
        create_livestream(app=home.app, name="Then made", actor=SYSTEM)
        shown = re.search(r'name="shown" value="([^"]+)"', get_html(browser, "/livestreams"))
        assert shown is not None
        connected(first)

        def order(query: str) -> list[str]:
            return re.findall(r"(First|Then) made</a>", get_html(browser, f"/livestreams{query}", **HTMX))

        assert order(f"?shown={shown[1]}") == ["Then", "First"]
        # A page that is opened, and one that is to show others as well, have what is on air first.
        assert order("") == order("?shown=nonsense") == order(f"?shown={shown[1].split()[0]}") == ["First", "Then"]
