"""The outputs on a livestream's page: shown to all, changed by those who run livestreams, without JavaScript too."""

from collections.abc import Callable

import pytest
from django.test import Client

from streams.livestreams import leases, outputs, push_states
from streams.livestreams.consumers import render_pulse_of
from streams.livestreams.outputs import NewOutput
from streams.livestreams.selectors import get_livestream_screen
from streams.media.rtmp.standing import PushState, TargetStanding
from streams.models import AuditEntry, Livestream, Member, Output, Role, User
from streams.organizations.services import SYSTEM, NewOrganization
from tests.dashboard.conftest import HTMX, get_html, remembered
from tests.runs import claimed, connected

_URI = "rtmp://a.rtmp.example.com/live2"
_FORM = {"name": "YouTube", "uri": _URI, "stream_key": "abcd-efgh", "enabled": "on", "most_lines": "720"}


@pytest.fixture
def simulcast(livestream: Livestream) -> Output:
    new = NewOutput(type="simulcast", name="YouTube", uri=_URI, stream_key="abcd-efgh")
    return outputs.create_output(livestream=livestream, new=new, actor=SYSTEM)


@pytest.fixture
def there(livestream: Livestream) -> str:
    return f"/livestreams/{livestream.pk}"


class TestList:
    def test_tells_where_broadcasts_go_and_in_which_state_that_is(
        self, browser: Client, there: str, simulcast: Output
    ) -> None:
        html = get_html(browser, there)

        assert html.count('data-testid="output"') == 3
        for text in ("Viewers", "Archive", "YouTube", _URI, "Ready"):
            assert text in html
        assert "abcd-efgh" not in html

    @pytest.mark.parametrize("name", ["", "YouTube"])
    def test_shows_no_key_that_was_given_with_the_address(
        self, browser: Client, there: str, livestream: Livestream, name: str
    ) -> None:
        new = NewOutput(type="simulcast", name=name, uri=f"{_URI}/abcd-efgh?of=them")
        output = outputs.create_output(livestream=livestream, new=new, actor=SYSTEM)
        Output.objects.filter(pk=output.pk).update(push_state="errored", push_message="The server hung up.")

        for page in (there, "/"):
            html = get_html(browser, page)
            assert "The server hung up." in html
            assert "abcd-efgh" not in html, page
        assert f"{_URI}/***" in get_html(browser, there)

    def test_does_not_speak_of_the_archive_in_another_vendors_words(
        self, browser: Client, there: str, livestream: Livestream
    ) -> None:
        html = get_html(browser, there)

        assert "A file of each broadcast, listed under Recordings" in html
        assert livestream.outputs.get(type="archive").public_id not in html

    def test_is_part_of_what_changes_by_itself(self, browser: Client, there: str, livestream: Livestream) -> None:
        assert f'id="livestream-outputs-{livestream.pk}"' in get_html(browser, there, **HTMX)

    def test_offers_viewers_nothing_to_change(
        self, home: NewOrganization, stranger: User, there: str, simulcast: Output
    ) -> None:
        viewer = User.objects.create_user("viewer@northwind.example", "correct horse")
        Member.objects.create(organization=home.organization, user=viewer, role=Role.VIEWER)
        client = Client()
        client.force_login(viewer)

        html = get_html(client, there)

        assert "YouTube" in html
        assert f"{there}/outputs" not in html


class TestAdd:
    def test_is_a_page_and_a_dialog(self, browser: Client, there: str) -> None:
        page, dialog = (get_html(browser, f"{there}/outputs/create", **headers) for headers in ({}, HTMX))

        assert "<html" in page
        assert "<html" not in dialog
        for html in (page, dialog):
            assert "Add simulcast" in html
            assert 'autocomplete="new-password"' in html

    def test_keeps_what_is_typed(self, browser: Client, there: str, owner: User) -> None:
        response = browser.post(f"{there}/outputs/create", _FORM)

        made = Output.objects.get(type="simulcast")
        assert (response.status_code, response.headers["Location"]) == (303, there)
        assert (made.name, made.uri, made.stream_key, made.enabled) == ("YouTube", _URI, "abcd-efgh", True)
        assert made.most_lines == 720
        assert AuditEntry.objects.get(action="output.created").user == owner

    @pytest.mark.parametrize(
        ("change", "complaint"),
        [
            ({"uri": ""}, "Paste the server"),
            ({"uri": "http://example.com"}, "rtmp://host/application"),
            ({"name": "a\u202eb"}, "invisible character"),
            ({"stream_key": "a b"}, "without blanks"),
        ],
    )
    def test_says_what_is_wrong_at_its_field(
        self, browser: Client, there: str, change: dict[str, str], complaint: str
    ) -> None:
        response = browser.post(f"{there}/outputs/create", _FORM | change)

        assert response.status_code == 422
        assert complaint in response.content.decode()
        assert not Output.objects.filter(type="simulcast").exists()

    def test_refuses_a_second_one_to_the_same_server(self, browser: Client, there: str, simulcast: Output) -> None:
        response = browser.post(f"{there}/outputs/create", _FORM)

        assert response.status_code == 422
        assert "already" in response.content.decode()


class TestChange:
    def test_shows_what_is_there_but_the_key(self, browser: Client, there: str, simulcast: Output) -> None:
        html = get_html(browser, f"{there}/outputs/{simulcast.pk}")

        assert f'value="{_URI}"' in html
        assert "Leave it empty to keep the key" in html
        assert "abcd-efgh" not in html

    def test_keeps_the_key_when_none_is_typed(self, browser: Client, there: str, simulcast: Output) -> None:
        page = f"{there}/outputs/{simulcast.pk}"
        form = {"name": "Twitch", "uri": f"{_URI}/backup", "stream_key": "", "most_lines": "0"}

        response = browser.post(page, form | remembered(get_html(browser, page)))

        simulcast.refresh_from_db()
        assert response.status_code == 303
        assert (simulcast.name, simulcast.uri, simulcast.enabled) == ("Twitch", form["uri"], False)
        assert simulcast.stream_key == "abcd-efgh"
        assert AuditEntry.objects.get(action="output.changed").detail["changed"] == ["enabled", "name", "uri"]

    def test_keeps_what_others_changed_while_its_form_was_open(
        self, browser: Client, there: str, livestream: Livestream, simulcast: Output
    ) -> None:
        page = f"{there}/outputs/{simulcast.pk}"
        form = {"name": "Twitch", "uri": _URI, "stream_key": "", "enabled": "on"}
        form |= remembered(get_html(browser, page))
        outputs.change_output(livestream=livestream, output_id=simulcast.pk, actor=SYSTEM, enabled=False)

        browser.post(page, form)

        simulcast.refresh_from_db()
        assert (simulcast.name, simulcast.enabled) == ("Twitch", False)

    def test_wants_the_key_again_for_another_server(self, browser: Client, there: str, simulcast: Output) -> None:
        form = {"name": "YouTube", "uri": "rtmp://evil.example/live2", "stream_key": ""}

        response = browser.post(f"{there}/outputs/{simulcast.pk}", form)

        simulcast.refresh_from_db()
        assert (response.status_code, simulcast.uri) == (422, _URI)
        assert "was given for another server" in response.content.decode()

    def test_takes_a_new_key(self, browser: Client, there: str, simulcast: Output) -> None:
        browser.post(f"{there}/outputs/{simulcast.pk}", _FORM | {"stream_key": "new"})

        simulcast.refresh_from_db()
        assert simulcast.stream_key == "new"

    def test_is_of_simulcasts_only(self, browser: Client, there: str, livestream: Livestream) -> None:
        hls = livestream.outputs.get(type="hls")

        for path in (f"{there}/outputs/{hls.pk}", f"{there}/outputs/{hls.pk}/delete"):
            assert browser.get(path).status_code == browser.post(path, _FORM).status_code == 404
        assert Output.objects.filter(pk=hls.pk).exists()


class TestDelete:
    def test_asks_first_and_then_does_it(self, browser: Client, there: str, simulcast: Output) -> None:
        path = f"{there}/outputs/{simulcast.pk}/delete"

        assert "“<bdi>YouTube</bdi>”?" in get_html(browser, path)
        assert Output.objects.filter(pk=simulcast.pk).exists()
        assert browser.post(path).status_code == 303
        assert not Output.objects.filter(pk=simulcast.pk).exists()


class TestWhileLive:
    @pytest.fixture
    def tell(self, livestream: Livestream, simulcast: Output) -> Callable[[TargetStanding], None]:
        session = connected(livestream)
        leases.mark_live(claimed(session))
        return lambda standing: push_states.note_standings(session.pk, worker="first", told={simulcast.pk: standing})

    def test_tells_what_is_taken(self, browser: Client, there: str, tell: Callable[[TargetStanding], None]) -> None:
        tell(TargetStanding(PushState.BROADCASTING, bytes=5 << 20, rate=375_000, tries=1))

        html = get_html(browser, there)

        assert "Broadcasting" in html
        assert "3.0 Mbit/s, 5.0\xa0MB so far" in html
        assert "retry-output" not in html

    def test_tells_why_it_is_not_and_offers_another_try(
        self, browser: Client, there: str, simulcast: Output, tell: Callable[[TargetStanding], None]
    ) -> None:
        tell(TargetStanding(PushState.RETRYING, "refused", "The server refuses connections.", tries=3))

        html = get_html(browser, there)

        assert "The server refuses connections. Tried 3 times." in html
        assert browser.post(f"{there}/outputs/{simulcast.pk}/retry").headers["Location"] == there
        simulcast.refresh_from_db()
        assert simulcast.retry_asked_at is not None

    def test_its_history_is_beside_its_form(
        self, browser: Client, there: str, simulcast: Output, tell: Callable[[TargetStanding], None]
    ) -> None:
        assert "What happened" not in get_html(browser, f"{there}/outputs/{simulcast.pk}")

        tell(TargetStanding(PushState.RETRYING, "refused", "The server refuses connections."))
        tell(TargetStanding(PushState.BROADCASTING))

        html = get_html(browser, f"{there}/outputs/{simulcast.pk}").partition("What happened")[2]
        assert html.index("Broadcasting") < html.index("The server refuses connections.")

    def test_another_try_of_one_that_does_not_wait_is_refused_in_words(
        self, browser: Client, there: str, simulcast: Output
    ) -> None:
        browser.post(f"{there}/outputs/{simulcast.pk}/retry")

        assert "This simulcast is not being waited for." in get_html(browser, there)

    def test_is_part_of_what_moves_by_itself(
        self, livestream: Livestream, there: str, tell: Callable[[TargetStanding], None]
    ) -> None:
        member = Member.objects.select_related("organization").get()
        screen = get_livestream_screen(organization=member.organization, livestream_id=livestream.pk)
        assert "livestream-outputs" not in render_pulse_of(screen, member)

        tell(TargetStanding(PushState.BROADCASTING, bytes=5 << 20, rate=375_000, tries=1))

        screen = get_livestream_screen(organization=member.organization, livestream_id=livestream.pk)
        assert "so far" in render_pulse_of(screen, member)


class TestSwitch:
    def test_turns_it_off_and_on(self, browser: Client, there: str, simulcast: Output) -> None:
        for values, enabled in (({}, False), ({"enabled": "on"}, True)):
            response = browser.post(f"{there}/outputs/{simulcast.pk}/switch", values)

            assert (response.status_code, response.headers["Location"]) == (303, there)
            simulcast.refresh_from_db()
            assert simulcast.enabled is enabled

    def test_is_for_simulcasts(self, browser: Client, there: str, livestream: Livestream) -> None:
        hls = livestream.outputs.get(type="hls")

        assert browser.post(f"{there}/outputs/{hls.pk}/switch").status_code == 404
