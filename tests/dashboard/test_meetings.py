"""The pages of meetings: whoever runs livestreams makes them and lets people in, without JavaScript too."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from streams.meetings.broadcasts import start_meeting_livestream, stop_meeting_livestream
from streams.meetings.lifecycle import join_meeting, leave_meeting
from streams.meetings.room import kick_all
from streams.meetings.services.meetings import MeetingValues, change_meeting, create_meeting
from streams.models import AuditEntry, Livestream, Meeting, Participant, User
from streams.organizations.apps import create_app
from streams.organizations.quotas import OwnQuotas, set_quotas
from streams.organizations.services import SYSTEM, NewOrganization
from tests import runs
from tests.dashboard.conftest import HTMX, get_html, remembered, squeezed
from tests.meetings.people import added
from tests.overtaking import overtaken


def made(app_of: NewOrganization, title: str = "Backend standup") -> Meeting:
    return create_meeting(app=app_of.app, values={"title": title}, actor=SYSTEM)


@pytest.fixture
def there(meeting: Meeting) -> str:
    return f"/meetings/{meeting.pk}"


class TestList:
    def test_without_meetings_leads_to_the_first_one(self, browser: Client, viewer_browser: Client) -> None:
        assert "No meetings yet" in get_html(browser, "/meetings")
        assert "/meetings/create" in get_html(browser, "/meetings")
        assert "/meetings/create" not in get_html(viewer_browser, "/meetings")

    def test_is_searched_and_tells_when_nothing_matches(
        self, browser: Client, home: NewOrganization, abroad: NewOrganization
    ) -> None:
        made(home), made(home, "Town hall"), made(abroad, "Town hall abroad")

        found = get_html(browser, "/meetings?q=HALL")

        assert "Town hall" in found
        assert "Backend standup" not in found
        assert "abroad" not in found
        assert "No meeting matches" in get_html(browser, "/meetings?q=nothing")

    def test_is_in_pages_that_keep_the_search_and_takes_as_many_queries(
        self, browser: Client, home: NewOrganization
    ) -> None:
        first = made(home, "Room")
        join_meeting(participant=added(first, "mary"))
        start_meeting_livestream(meeting=first, name="Room", actor=SYSTEM)
        with CaptureQueriesContext(connection) as of_one:
            get_html(browser, "/meetings")
        for number in range(29):
            more = made(home, f"Room {number}")
            join_meeting(participant=added(more, "mary"))
            start_meeting_livestream(meeting=more, name=more.title, actor=SYSTEM)

        with CaptureQueriesContext(connection) as of_many:
            html = get_html(browser, "/meetings?q=room")

        # Session and user, membership; then apps, total, page, who is in them, livestreams.
        assert len(of_many) == len(of_one) == 8
        assert "1\u201325 of 30" in html
        assert 'href="?q=room&amp;page=2"' in html
        assert get_html(browser, "/meetings?q=room&page=2").count('data-testid="meeting"') == 5

    def test_tells_how_many_are_in_it_and_whether_it_is_on_air(
        self, browser: Client, meeting: Meeting, mary: Participant
    ) -> None:
        quiet = squeezed(get_html(browser, "/meetings"))
        assert '<span class="muted">nobody</span>' in quiet
        assert '<span class="muted">none</span>' in quiet

        peer = join_meeting(participant=mary)
        livestream, _ = start_meeting_livestream(meeting=meeting, name="", actor=SYSTEM)
        runs.connected(livestream)

        busy = squeezed(get_html(browser, "/meetings"))
        assert '<span class="pill live">1</span>' in busy
        assert 'data-testid="status">Connecting' in busy
        leave_meeting(peer=peer)
        assert '<span class="muted">nobody</span>' in squeezed(get_html(browser, "/meetings"))

    def test_holds_those_of_every_app(self, browser: Client, home: NewOrganization) -> None:
        other = create_app(organization=home.organization, name="Other", actor=SYSTEM)
        meeting = create_meeting(app=other, values={"title": "Elsewhere"}, actor=SYSTEM)

        assert "Elsewhere" in get_html(browser, "/meetings")
        assert "Elsewhere" in get_html(browser, f"/meetings/{meeting.pk}")


class TestMeeting:
    def test_is_created_on_a_page_and_in_a_dialog(self, browser: Client, owner: User) -> None:
        page, dialog = (get_html(browser, "/meetings/create", **headers) for headers in ({}, HTMX))
        assert ("<html" in page, "<html" in dialog) == (True, False)

        answer = browser.post("/meetings/create", {"title": "Town hall", "live_stream_on_start": "on"})

        meeting = Meeting.objects.get()
        assert (answer.status_code, answer["Location"]) == (303, f"/meetings/{meeting.pk}")
        assert (meeting.title, meeting.live_stream_on_start) == ("Town hall", True)
        assert AuditEntry.objects.get(action="meeting.created").user == owner
        assert "Town hall" in get_html(browser, answer["Location"])

    @pytest.mark.parametrize("title", ["", " ", "a\u202eb", "x" * 256])
    def test_needs_a_title_that_can_be_used(self, browser: Client, there: str, title: str) -> None:
        for address in ("/meetings/create", f"{there}/change"):
            answer = browser.post(address, {"title": title, "session_keep_alive_s": "60"})
            assert answer.status_code == 422
            assert "field-error" in answer.content.decode()
        assert Meeting.objects.get().title == "Backend standup"

    def test_is_changed(self, browser: Client, there: str, meeting: Meeting) -> None:
        form = get_html(browser, f"{there}/change", **HTMX)
        assert 'value="Backend standup"' in form
        changed = {"title": "Retro", "session_keep_alive_s": "300"}

        answer = browser.post(f"{there}/change", changed | remembered(form))

        meeting.refresh_from_db()
        assert answer.status_code == 303
        assert (meeting.title, meeting.session_keep_alive_s, meeting.status) == ("Retro", 300, "inactive")
        assert "Closed" in get_html(browser, there)
        browser.post(f"{there}/change", changed | {"is_open": "on"} | remembered(get_html(browser, f"{there}/change")))
        assert "Closed" not in get_html(browser, there)

    def test_keeps_what_others_changed_while_its_form_was_open(
        self, browser: Client, there: str, meeting: Meeting
    ) -> None:
        form = remembered(get_html(browser, f"{there}/change", **HTMX))
        changes: MeetingValues = {"status": "inactive", "live_stream_on_start": True, "session_keep_alive_s": 5}
        change_meeting(meeting=meeting, changes=changes, actor=SYSTEM)

        browser.post(f"{there}/change", {"title": "Retro", "session_keep_alive_s": "60", "is_open": "on"} | form)

        meeting.refresh_from_db()
        assert (meeting.title, meeting.status) == ("Retro", "inactive")
        assert (meeting.live_stream_on_start, meeting.session_keep_alive_s) == (True, 5)

    def test_keeps_what_its_form_does_not_ask_for(self, browser: Client, there: str, meeting: Meeting) -> None:
        Meeting.objects.update(record_on_start=True, persist_chat=True)

        browser.post(f"{there}/change", {"title": "Retro", "session_keep_alive_s": "60", "is_open": "on"})

        meeting.refresh_from_db()
        assert (meeting.record_on_start, meeting.persist_chat) == (True, True)

    def test_tells_who_is_in_it(self, browser: Client, there: str, meeting: Meeting, mary: Participant) -> None:
        assert "Nobody. " in squeezed(get_html(browser, there))
        for number in range(11):
            join_meeting(participant=added(meeting, f"guest {number:02d}"))

        html = squeezed(get_html(browser, there))

        assert "<bdi>guest 00</bdi>, <bdi>guest 01</bdi>" in re.sub(r",\s*<", ", <", html)
        assert "<bdi>guest 10</bdi>" not in html
        assert "and 1 more" in html
        assert html.count("In it now</span>") == 11

    def test_lists_its_sessions(self, browser: Client, there: str, meeting: Meeting, mary: Participant) -> None:
        for _ in range(11):
            join_meeting(participant=mary)
            kick_all(meeting=meeting, actor=SYSTEM)
        join_meeting(participant=mary)

        html = get_html(browser, there)

        assert html.count('data-testid="meeting-session"') == 10
        assert "all 12" in html
        assert "Going on" in html
        whole = get_html(browser, f"{there}/sessions")
        assert whole.count('data-testid="meeting-session"') == 12
        assert whole.count("Ended by its host") == 11

    def test_takes_as_many_queries_however_many_can_join(self, browser: Client, there: str, meeting: Meeting) -> None:
        join_meeting(participant=added(meeting, "first"))
        with CaptureQueriesContext(connection) as of_one:
            get_html(browser, there)
        for number in range(30):
            join_meeting(participant=added(meeting, f"guest {number:02d}"))

        with CaptureQueriesContext(connection) as of_many:
            html = get_html(browser, there)

        # Session and user, membership; then meeting, sessions, livestream, how many can join, some in it, page.
        assert len(of_many) == len(of_one) <= 10
        assert html.count('data-testid="participant"') == 25
        assert get_html(browser, f"{there}?page=2").count('data-testid="participant"') == 6

    def test_offers_viewers_nothing_to_change(self, viewer_browser: Client, there: str, mary: Participant) -> None:
        html = get_html(viewer_browser, there)

        assert "Mary Sue" in html
        for offer in ("/change", "/participants/", "/livestream/start", "<form class"):
            assert offer not in html


class TestLivestream:
    def test_is_started_and_stopped(self, browser: Client, there: str, meeting: Meeting) -> None:
        assert browser.post(f"{there}/livestream/start").status_code == 303
        browser.post(f"{there}/livestream/start")

        livestream = Livestream.objects.get()
        assert (livestream.meeting_id, livestream.name) == (meeting.pk, "Backend standup")
        assert f'href="/livestreams/{livestream.pk}"' in get_html(browser, there)
        assert f'href="{there}"' in get_html(browser, f"/livestreams/{livestream.pk}")
        assert "Stop the livestream of" in get_html(browser, f"{there}/livestream/stop", **HTMX)

        assert "is stopped" in browser.post(f"{there}/livestream/stop", follow=True).content.decode()

        livestream.refresh_from_db()
        assert livestream.stopped_at is not None
        stopped = get_html(browser, there)
        assert "Not started" not in stopped
        assert f'href="/livestreams/{livestream.pk}"' in stopped

    def test_says_truly_when_it_starts_by_itself(
        self, browser: Client, there: str, meeting: Meeting, mary: Participant
    ) -> None:
        join_meeting(participant=mary)
        Meeting.objects.update(live_stream_on_start=True)

        assert "Starts when the next session begins" in squeezed(get_html(browser, there))

    def test_is_not_stopped_twice(self, browser: Client, there: str) -> None:
        for ask in (browser.get, browser.post):
            assert "no livestream to stop" in ask(f"{there}/livestream/stop", follow=True).content.decode()

    @pytest.mark.django_db(transaction=True)
    def test_says_so_to_the_second_of_two_who_stop_it_at_once(
        self, browser: Client, there: str, meeting: Meeting
    ) -> None:
        start_meeting_livestream(meeting=meeting, name="", actor=SYSTEM)

        answer = overtaken(
            lambda: browser.post(f"{there}/livestream/stop", follow=True),
            by=lambda: stop_meeting_livestream(meeting=meeting, actor=SYSTEM),
        )

        assert "no livestream to stop" in answer.content.decode()

    def test_is_not_another_one_that_was_started_since_the_question(
        self, browser: Client, there: str, meeting: Meeting
    ) -> None:
        start_meeting_livestream(meeting=meeting, name="", actor=SYSTEM)
        asked = re.search(r'name="livestream" value="(\w+)"', get_html(browser, f"{there}/livestream/stop"))
        assert asked
        stop_meeting_livestream(meeting=meeting, actor=SYSTEM)
        another, _ = start_meeting_livestream(meeting=meeting, name="", actor=SYSTEM)

        answer = browser.post(f"{there}/livestream/stop", {"livestream": asked[1]}, follow=True)

        assert "was started since" in answer.content.decode()
        another.refresh_from_db()
        assert another.stopped_at is None

    def test_warns_while_it_is_on_air(self, browser: Client, there: str, meeting: Meeting) -> None:
        livestream, _ = start_meeting_livestream(meeting=meeting, name="", actor=SYSTEM)
        assert "broadcasting now" not in get_html(browser, f"{there}/livestream/stop")

        runs.connected(livestream)

        assert "broadcasting now" in get_html(browser, f"{there}/livestream/stop")

    def test_says_when_there_are_too_many(self, browser: Client, there: str, home: NewOrganization) -> None:
        set_quotas(organization=home.organization, quotas=OwnQuotas(livestreams=0), actor=SYSTEM)

        answer = browser.post(f"{there}/livestream/start", follow=True)

        assert 'class="notice warning"' in answer.content.decode()
        assert not Livestream.objects.exists()
