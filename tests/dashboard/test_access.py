"""What people are told who may not, and what they are offered who may; every page with everybody: tests/access."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from django.test import Client

from streams.models import Livestream, Session, User

PAGES = ["/", "/livestreams", "/account", "/livestreams/{id}", "/livestreams/{id}/sessions"]
DEEDS = ["rename", "disable", "enable", "end", "reset-stream-key", "delete"]


class TestLogIn:
    def test_leads_to_the_page_that_was_asked_for(self, owner: User) -> None:
        client = Client()

        answer = client.post(
            "/log-in",
            {"username": "Owner@Northwind.Example", "password": "correct horse battery", "next": "/account"},
        )

        assert (answer.status_code, answer["Location"]) == (302, "/account")
        assert client.get("/account").status_code == 200

    @pytest.mark.parametrize("email", ["owner@northwind.example", "unknown@northwind.example", "x\x00y", ""])
    def test_with_something_wrong_says_so_and_stays(self, owner: User, email: str) -> None:
        client = Client()

        answer = client.post("/log-in", {"username": email, "password": "wrong"})

        assert answer.status_code == 422
        assert 'role="alert"' in answer.content.decode()
        assert "_auth_user_id" not in client.session

    def test_ignores_a_next_page_elsewhere(self, owner: User) -> None:
        answer = Client().post(
            "/log-in",
            {"username": owner.email, "password": "correct horse battery", "next": "https://elsewhere.example/"},
        )

        assert answer["Location"] == "/"

    def test_out_takes_a_post(self, browser: Client) -> None:
        assert browser.get("/log-out").status_code == 405
        assert browser.post("/log-out")["Location"] == "/log-in"
        assert browser.get("/").status_code == 302


class TestAnonymous:
    def test_fragment_reloads_the_page_instead(self, livestream: Livestream) -> None:
        answer = Client().get(f"/livestreams/{livestream.pk}", headers={"HX-Request": "true"})

        assert answer["HX-Refresh"] == "true"
        assert livestream.name not in answer.content.decode()


class TestStranger:
    def test_sees_no_foreign_names(self, browser: Client, foreign_livestream: Livestream) -> None:
        for page in ("/", "/livestreams"):
            assert foreign_livestream.name not in browser.get(page).content.decode()


class TestViewer:
    def test_is_told_which_role_it_is_that_may_not(self, viewer_browser: Client, live: Session) -> None:
        answer = viewer_browser.post(f"/livestreams/{live.livestream_id}/disable")

        assert answer.status_code == 403
        assert "Your role in Northwind Events is Viewer." in answer.content.decode()

    def test_is_offered_no_button(self, viewer_browser: Client, live: Session) -> None:
        for page in PAGES:
            html = viewer_browser.get(page.format(id=live.livestream_id)).content.decode()
            for deed in (*DEEDS, "stream-key", "create", "revoke"):
                assert f'/{deed}"' not in html, (page, deed)


class TestOperator:
    def test_may_not_manage_api_keys(self, operator: User, log_in: Callable[[User], Client]) -> None:
        client = log_in(operator)

        assert client.get("/livestreams/create").status_code == 200
        assert client.get("/account/api-keys/create").status_code == 403
        assert "Create key" not in client.get("/account").content.decode()


class TestPersonWithoutOrganization:
    def test_is_told_so(self, db: None, log_in: Callable[[User], Client]) -> None:
        nobody = User.objects.create_user("nobody@example.com", "correct horse battery")

        answer = log_in(nobody).get("/")

        assert answer.status_code == 403
        assert "You are in no organization" in answer.content.decode()


class TestErrorPages:
    def test_unknown_address(self, browser: Client) -> None:
        answer = browser.get("/livestreams/not-a-uuid")

        assert answer.status_code == 404
        assert "There is nothing here" in answer.content.decode()

    @pytest.mark.django_db(transaction=True)
    def test_something_broken(self, browser: Client) -> None:
        browser.raise_request_exception = False

        with _renamed("streams_livestreamcount"):
            answer = browser.get("/")

        assert answer.status_code == 500
        assert "Something broke on our side" in answer.content.decode()


@contextmanager
def _renamed(table: str) -> Iterator[None]:
    """Have the database not find a table for as long as the block lasts."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO {table}_gone")
        try:
            yield
        finally:
            cursor.execute(f"ALTER TABLE {table}_gone RENAME TO {table}")


class TestHeaders:
    def test_no_cache_keeps_a_page_and_no_inline_code_runs(self, browser: Client) -> None:
        answer = browser.get("/")

        assert "no-cache" in answer["Cache-Control"]
        assert "private" in answer["Cache-Control"]
        assert "HX-Request" in answer["Vary"]
        assert "unsafe" not in answer["Content-Security-Policy"]

    def test_only_the_player_page_allows_the_players_styles(self, browser: Client, livestream: Livestream) -> None:
        player_page = browser.get(f"/livestreams/{livestream.pk}")["Content-Security-Policy"]

        assert "'sha256-" in player_page
        assert "unsafe" not in player_page
        assert "'sha256-" not in browser.get("/account")["Content-Security-Policy"]
