"""The stream key, and the changes that a livestream's page offers."""

import pytest
from django.test import Client

from streams.livestreams.states import EndReason, LivestreamStatus
from streams.models import AuditEntry, Livestream, Session, User
from tests.dashboard.conftest import HTMX, get_html


class TestStreamKey:
    def test_is_shown_in_its_box(self, browser: Client, livestream: Livestream) -> None:
        answer = browser.post(f"/livestreams/{livestream.pk}/stream-key", headers=HTMX)

        assert livestream.stream_key in answer.content.decode()
        assert "<html" not in answer.content.decode()
        assert "no-store" in answer["Cache-Control"]

    def test_is_shown_in_the_page_without_javascript(self, browser: Client, livestream: Livestream) -> None:
        answer = browser.post(f"/livestreams/{livestream.pk}/stream-key")

        assert livestream.stream_key in answer.content.decode()
        assert "<html" in answer.content.decode()

    def test_is_given_as_text_to_copy(self, browser: Client, livestream: Livestream) -> None:
        answer = browser.post(f"/livestreams/{livestream.pk}/stream-key", headers={"Accept": "text/plain"})

        assert answer.content.decode() == livestream.stream_key
        assert "no-store" in answer["Cache-Control"]

    def test_takes_a_post_with_a_token(self, browser: Client, livestream: Livestream) -> None:
        assert browser.get(f"/livestreams/{livestream.pk}/stream-key").status_code == 405

        strict = Client(enforce_csrf_checks=True)
        strict.cookies = browser.cookies
        assert strict.post(f"/livestreams/{livestream.pk}/stream-key").status_code == 403


class TestDeeds:
    @pytest.mark.parametrize(
        ("deed", "words"),
        [
            ("disable", "Encoders are refused until"),
            ("enable", "accepted again"),
            ("end", "Encoders are turned away for 1 minute"),
            ("reset-stream-key", "The old key stops working at once"),
            ("delete", "This cannot be undone"),
        ],
    )
    def test_names_its_object_and_its_consequence(self, browser: Client, live: Session, deed: str, words: str) -> None:
        for headers in ({}, HTMX):
            html = get_html(browser, f"/livestreams/{live.livestream_id}/{deed}", **headers)
            assert "“<bdi>Autumn keynote</bdi>”?" in html
            assert words in html
            assert ("It is broadcasting now:" in html) == (deed != "enable")

    def test_disable_and_enable(self, browser: Client, live: Session) -> None:
        address = f"/livestreams/{live.livestream_id}"

        assert browser.post(f"{address}/disable")["Location"] == address
        live.refresh_from_db()
        assert live.end_reason == EndReason.DISABLED
        assert "Encoders are refused until you enable it." in get_html(browser, address)

        browser.post(f"{address}/enable")
        assert Livestream.objects.get().disabled is False

    @pytest.mark.parametrize(
        ("deed", "action"),
        [
            ("rename", "livestream.renamed"),
            ("disable", "livestream.disabled"),
            ("end", "livestream.broadcast_ended"),
            ("reset-stream-key", "livestream.stream_key_reset"),
            ("delete", "livestream.deleted"),
            ("stream-key", "livestream.stream_key_shown"),
        ],
    )
    def test_is_written_down_as_the_persons(
        self, browser: Client, live: Session, owner: User, deed: str, action: str
    ) -> None:
        before = set(AuditEntry.objects.values_list("pk", flat=True))

        browser.post(f"/livestreams/{live.livestream_id}/{deed}", {"name": "Winter keynote"})

        entry = AuditEntry.objects.exclude(pk__in=before).get()
        assert (entry.action, entry.target_id) == (action, live.livestream_id)
        assert (entry.user, entry.api_key, entry.address) == (owner, None, "127.0.0.1")

    def test_end(self, browser: Client, live: Session) -> None:
        browser.post(f"/livestreams/{live.livestream_id}/end")

        live.refresh_from_db()
        assert live.end_reason == EndReason.ENDED_BY_OPERATOR
        assert Livestream.objects.get().status == LivestreamStatus.IDLE

    def test_end_without_a_broadcast_says_so(self, browser: Client, livestream: Livestream) -> None:
        answer = browser.post(f"/livestreams/{livestream.pk}/end", follow=True)

        assert "There is no broadcast to end" in answer.content.decode()

    def test_reset_stream_key(self, browser: Client, livestream: Livestream) -> None:
        old = livestream.stream_key

        browser.post(f"/livestreams/{livestream.pk}/reset-stream-key")

        assert livestream.stream_key != old

    def test_delete_leads_to_the_list(self, browser: Client, livestream: Livestream) -> None:
        answer = browser.post(f"/livestreams/{livestream.pk}/delete")

        assert answer["Location"] == "/livestreams"
        assert "Autumn keynote is deleted." in get_html(browser, "/livestreams")
        assert browser.get(f"/livestreams/{livestream.pk}").status_code == 404

    def test_open_page_of_a_deleted_one_reloads(self, browser: Client, livestream: Livestream) -> None:
        browser.post(f"/livestreams/{livestream.pk}/delete")

        assert browser.get(f"/livestreams/{livestream.pk}", headers=HTMX)["HX-Refresh"] == "true"

    def test_rename(self, browser: Client, livestream: Livestream) -> None:
        assert browser.post(f"/livestreams/{livestream.pk}/rename", {"name": "bad\x07"}).status_code == 422
        assert browser.post(f"/livestreams/{livestream.pk}/rename", {"name": ""}).status_code == 422

        browser.post(f"/livestreams/{livestream.pk}/rename", {"name": "Winter keynote"})

        assert Livestream.objects.get().name == "Winter keynote"
