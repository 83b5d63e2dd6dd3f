"""The pages of presets."""

import json
import re
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from streams.meetings.services.presets import PresetValues, change_preset
from streams.models import Participant
from streams.organizations.apps import create_app
from streams.organizations.services import SYSTEM, NewOrganization
from tests.dashboard.conftest import HTMX, get_html, remembered


@pytest.fixture
def preset_page(mary: Participant) -> str:
    return f"/meetings/presets/{mary.preset_id}"


def written_at(html: str) -> str:
    found = re.search(r'name="written_at" value="([^"]+)"', html)
    assert found is not None
    return found[1]


class TestPreset:
    def test_list_takes_as_many_queries(self, browser: Client, home: NewOrganization) -> None:
        with CaptureQueriesContext(connection) as of_one_app:
            assert get_html(browser, "/meetings/presets").count('data-testid="preset"') == 7
        for number in range(4):
            create_app(organization=home.organization, name=f"App {number}", actor=SYSTEM)

        with CaptureQueriesContext(connection) as of_many:
            html = get_html(browser, "/meetings/presets")

        # Session and user, membership; then apps, total, page.
        assert len(of_many) == len(of_one_app) == 6
        assert "1\u201325 of 35" in html
        assert "App 3" in html

    def test_shows_what_it_holds(self, browser: Client, viewer_browser: Client, preset_page: str) -> None:
        html = unescape(get_html(browser, preset_page))
        assert '"view_type": "GROUP_CALL"' in html
        assert re.search(r'name="permissions-can_record"[^>]*checked', html)

        fixed = get_html(viewer_browser, preset_page)
        assert "Save" not in fixed
        assert fixed.count(" disabled") == 19
        assert "readonly" in fixed

    def test_is_changed_where_the_form_says_so(self, browser: Client, preset_page: str, mary: Participant) -> None:
        before = mary.preset.permissions
        form = self._sent(get_html(browser, preset_page))
        del form["permissions-can_record"]
        form |= {"permissions-media-audio-can_produce": "NOT_ALLOWED", "name": "speaker"}

        assert browser.post(preset_page, form).status_code == 303

        mary.preset.refresh_from_db()
        media = {**before["media"], "audio": {"can_produce": "NOT_ALLOWED"}}
        assert mary.preset.permissions == {**before, "can_record": False, "media": media}
        assert mary.preset.name == "speaker"

    def test_keeps_what_others_changed_while_its_form_was_open(
        self, browser: Client, preset_page: str, mary: Participant
    ) -> None:
        form = self._sent(get_html(browser, preset_page))
        del form["permissions-can_record"]
        changes: PresetValues = {"name": "host", "permissions": {"kick_participant": False}}
        change_preset(preset=mary.preset, changes=changes, actor=SYSTEM)

        browser.post(preset_page, form)

        mary.preset.refresh_from_db()
        kept = mary.preset.permissions
        assert (mary.preset.name, kept["kick_participant"], kept["can_record"]) == ("host", False, False)

    @pytest.mark.parametrize("name", ["", "webinar_viewer", "a\u202eb"])
    def test_needs_a_name_of_its_own(self, browser: Client, preset_page: str, name: str) -> None:
        form = self._sent(get_html(browser, preset_page))

        for address in (preset_page, f"{preset_page}/copy"):
            answer = browser.post(address, {**form, "name": name})
            assert answer.status_code == 422
            assert "field-error" in answer.content.decode()

    def test_is_written_as_json(self, browser: Client, preset_page: str, mary: Participant) -> None:
        preset = mary.preset
        content = {"config": preset.config, "permissions": preset.permissions, "ui": preset.ui}
        content["config"]["max_screenshare_count"] = 3

        form = {"content": json.dumps(content), "written_at": written_at(get_html(browser, preset_page))}
        assert browser.post(f"{preset_page}/replace", form).status_code == 303

        preset.refresh_from_db()
        assert (preset.config["max_screenshare_count"], preset.name) == (3, "group_call_host")

    def test_is_not_written_over_what_others_wrote_meanwhile(
        self, browser: Client, preset_page: str, mary: Participant
    ) -> None:
        content = {"config": mary.preset.config, "permissions": mary.preset.permissions, "ui": mary.preset.ui}
        form = {"content": json.dumps(content), "written_at": written_at(get_html(browser, preset_page))}
        changes: PresetValues = {"permissions": {"can_record": False}}
        change_preset(preset=mary.preset, changes=changes, actor=SYSTEM)

        # Nor when it is sent once more.
        for _ in range(2):
            answer = browser.post(f"{preset_page}/replace", form)
            assert answer.status_code == 422
            assert "changed this preset meanwhile" in answer.content.decode()
            form["written_at"] = written_at(answer.content.decode())
        mary.preset.refresh_from_db()
        assert mary.preset.permissions["can_record"] is False

    @pytest.mark.parametrize(
        ("content", "complaint"),
        [
            ("", "required"),
            ("{", "This is not JSON"),
            ("[]", "Begin with {"),
            ('{"config": {"view_type": "NONE"}}', "config.view_type: "),
            ("[" * 90_000, "This is not JSON"),
        ],
    )
    def test_refuses_what_is_no_preset(self, browser: Client, preset_page: str, content: str, complaint: str) -> None:
        form = {"content": content, "written_at": written_at(get_html(browser, preset_page))}

        answer = browser.post(f"{preset_page}/replace", form)

        assert answer.status_code == 422
        assert complaint in unescape(answer.content.decode())

    def test_is_copied(self, browser: Client, preset_page: str, mary: Participant) -> None:
        answer = browser.post(f"{preset_page}/copy", {"name": "moderator"})

        page = answer["Location"]
        copied = type(mary.preset).objects.get(name="moderator")
        assert page == f"/meetings/presets/{copied.pk}"
        assert (copied.permissions, copied.config, copied.ui, copied.app) == (
            mary.preset.permissions,
            mary.preset.config,
            mary.preset.ui,
            mary.preset.app,
        )

    def test_is_deleted(self, browser: Client, preset_page: str) -> None:
        assert "keep it" in get_html(browser, f"{preset_page}/delete", **HTMX)

        assert browser.post(f"{preset_page}/delete").status_code == 303

        assert browser.get(preset_page).status_code == 404
        assert get_html(browser, "/meetings/presets").count('data-testid="preset"') == 6

    def _sent(self, html: str) -> dict[str, str]:
        """Return what a browser would send of the first form as it is."""
        ticked = re.findall(r'<input type="checkbox" name="([\w-]+)"[^>]*checked', html)
        chosen = re.findall(r'<select name="([\w-]+)".*?value="(\w+)" selected', html, re.DOTALL)
        return {**dict.fromkeys(ticked, "on"), **dict(chosen), "name": "group_call_host", **remembered(html)}
