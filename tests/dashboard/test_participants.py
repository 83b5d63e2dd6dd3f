"""The pages of who can join a meeting."""

import json
import re
from html import unescape

import pytest
from django.test import Client

from streams.meetings.lifecycle import join_meeting
from streams.meetings.selectors import get_participant_by_token
from streams.meetings.services.meetings import create_meeting
from streams.meetings.services.participants import change_participant
from streams.meetings.tokens import ParticipantTokenRejectedError
from streams.models import Meeting, Participant
from streams.organizations.services import SYSTEM, NewOrganization
from tests.dashboard.conftest import HTMX, get_html, remembered, squeezed

_ANN = {"name": "Ann", "custom_participant_id": "ann-7", "preset_name": "group_call_host"}


@pytest.fixture
def there(meeting: Meeting) -> str:
    return f"/meetings/{meeting.pk}"


def token_in(html: str) -> str:
    found = re.search(r'id="new-token"[^>]*>([^<]+)<', html)
    assert found is not None
    return unescape(found[1])


class TestParticipant:
    def test_is_added_and_their_token_shown_once(self, browser: Client, there: str) -> None:
        assert "Add participant" in get_html(browser, f"{there}/participants/add", **HTMX)

        answer = browser.post(f"{there}/participants/add", _ANN)

        ann = Participant.objects.get()
        page = f"{there}/participants/{ann.pk}/token"
        assert (answer.status_code, answer["Location"]) == (303, page)
        assert (ann.name, ann.custom_participant_id, ann.preset.name) == ("Ann", "ann-7", "group_call_host")
        assert "eyJ" not in json.dumps(dict(browser.session))
        shown = browser.get(page)
        assert "no-store" in shown["Cache-Control"]
        assert get_participant_by_token(token_in(shown.content.decode())) == ann
        again = browser.get(page, follow=True)
        assert "shown only once" in again.content.decode()
        assert "eyJ" not in again.content.decode()

    @pytest.mark.parametrize(
        "wrong",
        [{"custom_participant_id": ""}, {"preset_name": "none_of_ours"}, {"name": "a\u202eb"}],
    )
    def test_says_what_is_wrong_at_its_field(self, browser: Client, there: str, wrong: dict[str, str]) -> None:
        answer = browser.post(f"{there}/participants/add", _ANN | wrong)

        assert answer.status_code == 422
        assert "field-error" in answer.content.decode()
        assert not Participant.objects.exists()

    def test_gets_another_preset(self, browser: Client, there: str, mary: Participant) -> None:
        page = f"{there}/participants/{mary.pk}"
        form = get_html(browser, page)
        assert 'value="group_call_host" selected' in form

        changed = {"name": "", "custom_participant_id": "mary", "preset_name": "webinar_viewer"}
        assert browser.post(page, changed | remembered(form)).status_code == 303

        mary.refresh_from_db()
        assert (mary.name, mary.preset.name) == ("", "webinar_viewer")

    def test_keeps_what_others_changed_while_its_form_was_open(
        self, browser: Client, there: str, mary: Participant
    ) -> None:
        page = f"{there}/participants/{mary.pk}"
        form = {"name": "Mary", "custom_participant_id": "mary", "preset_name": "group_call_host"}
        form |= remembered(get_html(browser, page))
        change_participant(participant=mary, changes={"preset_name": "webinar_viewer"}, actor=SYSTEM)

        browser.post(page, form)

        mary.refresh_from_db()
        assert (mary.name, mary.preset.name) == ("Mary", "webinar_viewer")

    def test_keeps_a_preset_that_is_deleted(self, browser: Client, there: str, mary: Participant) -> None:
        browser.post(f"/meetings/presets/{mary.preset_id}/delete")
        page = f"{there}/participants/{mary.pk}"
        form = get_html(browser, page)
        assert 'value="group_call_host" selected' in form

        answer = browser.post(page, {**_ANN, "name": "Mary", **remembered(form)})

        mary.refresh_from_db()
        assert (answer.status_code, mary.name, mary.preset.name) == (303, "Mary", "group_call_host")
        assert "group_call_host" not in get_html(browser, f"{there}/participants/add")

    @pytest.mark.parametrize("revokes_earlier", [False, True])
    def test_gets_another_token(self, browser: Client, there: str, revokes_earlier: bool) -> None:
        first = token_in(browser.post(f"{there}/participants/add", _ANN, follow=True).content.decode())
        page = f"{there}/participants/{Participant.objects.get().pk}/token"

        form = {"revokes_earlier": "on"} if revokes_earlier else {}
        second = token_in(browser.post(page, form, follow=True).content.decode())

        get_participant_by_token(second)
        if revokes_earlier:
            with pytest.raises(ParticipantTokenRejectedError):
                get_participant_by_token(first)
        else:
            get_participant_by_token(first)

    def test_is_removed_and_taken_out(self, browser: Client, there: str, mary: Participant) -> None:
        join_meeting(participant=mary)
        page = f"{there}/participants/{mary.pk}/remove"
        assert "“<bdi>Mary Sue</bdi>”?" in get_html(browser, page, **HTMX)
        assert "Mary Sue" in get_html(browser, there)

        answer = browser.post(page, follow=True)

        assert "Mary Sue is removed." in unescape(answer.content.decode())
        assert 'data-testid="participant"' not in answer.content.decode()
        assert "Nobody. " in squeezed(answer.content.decode())

    def test_is_of_this_meeting(self, browser: Client, home: NewOrganization, mary: Participant) -> None:
        other = create_meeting(app=home.app, values={"title": "Other"}, actor=SYSTEM)

        assert browser.get(f"/meetings/{other.pk}/participants/{mary.pk}").status_code == 404
