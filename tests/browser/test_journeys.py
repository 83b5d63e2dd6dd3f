"""What an operator does all day, in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.operator import Operator
from tests.e2e.client import Integrator
from tests.e2e.encoder import publishing
from tests.reruns import unused_name
from tests.services import wait_until
from tests.stack.whole import RunningStack

pytestmark = [pytest.mark.e2e, pytest.mark.browser]


# How far from the end of what there is the controls call it the live edge is for the player to say.
_IS_FAR_BEHIND = """() => {
  const video = document.querySelector("video");
  const edge = Number(video.closest("[liveedgeoffset]").getAttribute("liveedgeoffset"));
  return video.seekable.end(0) - video.currentTime > edge + 2;
}"""


def _delay_s(page: Page) -> float:
    delay = page.locator("[data-delay]")
    expect(delay).to_contain_text("s behind")
    return float(delay.inner_text().split()[0])


class TestCreateAndWatch:
    def test_the_picture_plays_and_ends_without_a_reload(self, operator: Operator, stack: RunningStack) -> None:
        page = operator.page
        operator.create_livestream("Autumn keynote")
        expect(operator.status).to_have_text("Offline")
        page.evaluate("window.sameDocument = true")

        with publishing(f"rtmp://127.0.0.1:{stack.rtmp_port}/live/{operator.stream_key()}", fps=10) as encoder:
            expect(operator.status).to_have_text("Live")
            operator.watch(for_s=2)
            encoder.stop()
            expect(operator.status).to_have_text("Offline")

        expect(page.get_by_test_id("stage")).to_contain_text("The broadcast has ended")
        expect(page.locator("video")).to_have_count(0)
        expect(page.get_by_test_id("session")).to_have_count(1)
        expect(page.get_by_test_id("session")).to_contain_text("Encoder stopped")
        page.get_by_test_id("replay").click()
        operator.watch(for_s=1)
        assert page.evaluate("window.sameDocument") is True
        assert operator.complaints == []

    def test_a_second_broadcast_plays_on_the_same_page_as_the_viewer_chose_once_the_end_is_seen(
        self, operator: Operator, stack: RunningStack
    ) -> None:
        operator.create_livestream("Morning and evening")
        page = operator.page
        page.evaluate("window.sameDocument = true")
        url = f"rtmp://127.0.0.1:{stack.rtmp_port}/live/{operator.stream_key()}"
        sound_is_off = page.get_by_role("button", name="Sound is off")

        # Two renditions to choose from.
        with publishing(url, size="854x480", kbps=900, fps=10) as encoder:
            expect(operator.status).to_have_text("Live")
            operator.watch(for_s=2)
            sound_is_off.click()
            expect(sound_is_off).to_be_hidden()
            quality = page.get_by_label("Quality").select_option(index=1)
            # So that there is something left to see when the broadcast is over, however long that takes to be said.
            wait_until(lambda: page.evaluate("document.querySelector('video').seekable.end(0)") > 12, what="media")
            page.locator("video").evaluate("video => { video.currentTime -= 10; }")
            encoder.stop()
            expect(operator.status).to_have_text("Offline")
            operator.watch(for_s=2)
        expect(page.locator("video")).to_have_count(0)

        with publishing(url, size="854x480", kbps=900, fps=10):
            expect(operator.status).to_have_text("Live")
            operator.watch(for_s=1)
            assert page.evaluate("document.querySelector('video').muted") is False
            expect(page.get_by_label("Quality")).to_have_value(quality[0])
        expect(page.get_by_test_id("session")).to_have_count(2)
        assert page.evaluate("window.sameDocument") is True

    def test_the_delay_is_behind_the_encoder_and_grows_while_the_picture_stands(
        self, operator: Operator, stack: RunningStack
    ) -> None:
        operator.create_livestream("How late")
        page = operator.page
        with publishing(f"rtmp://127.0.0.1:{stack.rtmp_port}/live/{operator.stream_key()}", fps=10):
            expect(operator.status).to_have_text("Live")
            operator.watch(for_s=2)
            at_the_edge = _delay_s(page)
            live = page.locator("media-live-button")
            # On a busy machine it may be behind already; while it is not, there is nothing to press.
            live.click(force=True)
            expect(live).to_have_attribute("mediatimeislive", "")
            page.locator("video").evaluate("video => video.pause()")
            wait_until(lambda: _delay_s(page) >= at_the_edge + 7, what="the delay growing")
            # On a busy machine the encoder itself is behind the clock.
            wait_until(lambda: page.evaluate(_IS_FAR_BEHIND), what="newer media")
            page.locator("video").evaluate("video => video.play()")
            operator.watch(for_s=1)
            expect(live).not_to_have_attribute("mediatimeislive", "")

    def test_the_delay_is_by_the_servers_clock_however_wrong_the_viewers_is(
        self, operator: Operator, stack: RunningStack
    ) -> None:
        operator.create_livestream("Wrong clock")
        page = operator.page
        # Before the page asks for it for the first time.
        page.add_init_script("const right = Date.now; Date.now = () => right() - 300_000;")
        page.reload()
        with publishing(f"rtmp://127.0.0.1:{stack.rtmp_port}/live/{operator.stream_key()}", fps=10):
            expect(operator.status).to_have_text("Live")
            operator.watch(for_s=2)

            # On a busy machine the first answers are late, and the clock read from them with them: it mends itself.
            wait_until(lambda: 0 < _delay_s(page) < 30, what="a delay by the server's clock")


class TestTimes:
    def test_are_by_the_servers_clock_however_wrong_the_readers_is(self, operator: Operator) -> None:
        operator.create_livestream("Read on a wrong clock", waits=True)
        page = operator.page
        page.add_init_script("const right = Date.now; Date.now = () => right() + 3_600_000;")
        page.goto("/livestreams?q=Read+on+a+wrong+clock")

        # Its day of creation, an hour ago by the reader's.
        expect(page.get_by_role("row").last.locator("time").last).to_have_text(re.compile(r"just now|\d+ (s|min) ago"))


class TestWrongPassword:
    def test_the_page_says_so_and_lets_the_person_try_again(self, page: Page, stack: RunningStack) -> None:
        visitor = Operator(page)
        visitor.log_in(stack.credentials["email"], "not the password")

        expect(page.get_by_test_id("login-error")).to_contain_text("do not match")
        expect(page.get_by_label("E-mail address")).to_have_value(stack.credentials["email"])

        visitor.log_in(stack.credentials["email"], stack.credentials["password"])

        expect(page.get_by_role("heading", name="Overview")).to_be_visible()


class TestLiveStatus:
    def test_the_page_stays_right_when_no_socket_can_be_opened(
        self, operator: Operator, integrator: Integrator
    ) -> None:
        stream = integrator.create("Behind a strict proxy")
        operator.page.route_web_socket("**/ws/**", lambda socket: socket.close())
        operator.page.goto(f"/livestreams/{stream.created['id']}")
        expect(operator.status).to_have_text("Offline")

        integrator.call("PUT", f"{stream.path}/disable")

        expect(operator.status).to_have_text("Disabled")


class TestDoubleClick:
    def test_makes_one_and_a_refused_form_can_be_sent_again(self, operator: Operator) -> None:
        page, sent, title = operator.page, [], unused_name("Twice")
        page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
        page.goto("/meetings")
        page.get_by_test_id("create-meeting").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_test_id("submit").click()
        expect(dialog.get_by_text("Give the meeting a title")).to_be_visible()

        dialog.get_by_label("Title").fill(title)
        dialog.get_by_test_id("submit").dblclick(no_wait_after=True)

        expect(page.get_by_role("heading", name=title)).to_be_visible()
        assert len(sent) == 2
        page.goto(f"/meetings?q={title}")
        expect(page.get_by_test_id("meeting")).to_have_count(1)

    def test_makes_one_on_a_page_of_its_own_and_the_way_back_leads_to_a_form_that_works(
        self, operator: Operator
    ) -> None:
        page, names = operator.page, (unused_name("Clicked twice"), unused_name("Clicked again"))
        for name in names:
            page.goto("/account/api-keys/create") if name == names[0] else page.go_back()
            page.get_by_label("Name").fill(name)
            # As far apart as a hand does it.
            page.get_by_test_id("submit").evaluate("it => { it.click(); setTimeout(() => it.click(), 15); }")
            expect(page.get_by_text(f"“{name}” is ready")).to_be_visible()

        page.goto("/account")
        for name in names:
            expect(page.get_by_role("row").filter(has_text=name)).to_have_count(1)


class TestWithoutJavaScript:
    def test_everything_can_be_done(self, bare_page: Page, stack: RunningStack) -> None:
        page, name = bare_page, unused_name("By hand")
        Operator(page).log_in(stack.credentials["email"], stack.credentials["password"])
        page.get_by_role("link", name="Create livestream").first.or_(
            page.get_by_role("link", name="Create your first livestream")
        ).first.click()
        page.get_by_label("Name").fill(name)
        page.get_by_test_id("submit").click()
        page.get_by_test_id("show-key").click()
        expect(page.get_by_test_id("stream-key")).not_to_contain_text("•")
        page.get_by_test_id("disable").click()
        page.get_by_test_id("submit").click()
        expect(page.get_by_test_id("status").first).to_have_text("Disabled")
        page.goto(f"/livestreams?q={name}")
        page.get_by_role("row").filter(has_text=name).get_by_role("button", name="Enable").click()
        expect(page.get_by_text(f"{name}: Enabled")).to_be_visible()
