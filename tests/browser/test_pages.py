"""Every page, as an accessibility checker, a phone and the browser's console see it."""

import re
from uuid import UUID

import pytest
from playwright.sync_api import APIResponse, Page, expect

from tests.browser.checks import check, serious_violations
from tests.browser.operator import Operator
from tests.e2e.client import Integrator, Stream
from tests.e2e.encoder import publishing
from tests.services import wait_until
from tests.stack.whole import RunningStack

pytestmark = [pytest.mark.e2e, pytest.mark.browser]


@pytest.fixture
def stream(integrator: Integrator) -> Stream:
    return integrator.create("A livestream with a rather long name, as people like to give them " * 2)


def _addresses(stream: Stream, stack: RunningStack) -> list[str]:
    app_id = UUID(stack.credentials["app_id"])
    page = f"/livestreams/{stream.created['id']}"
    deeds = [f"{page}/{deed}" for deed in ("rename", "share", "disable", "enable", "end", "reset-stream-key", "delete")]
    lists = ["/", "/livestreams", "/livestreams?q=nothing+is+called+so", f"{page}/sessions", "/account", "/system"]
    lists += ["/recordings", "/recordings?q=nothing+is+called+so"]
    made = stream.integrator.call("POST", f"{stream.path}/outputs", type="simulcast", uri="rtmp://a.example.com/live2")
    of_playback = ("playback", "broadcast", "viewer-link", "viewer-dismissal", "signing-key", "signing-key/rotate")
    recorded = ("recordings", "recording-settings", "pull")
    playback = [f"{page}/{each}" for each in (*of_playback, *recorded)]
    outputs = [f"{page}/outputs/{each}" for each in ("create", made["data"]["id"], f"{made['data']['id']}/delete")]
    people = [f"/account/you{own}" for own in ("", "/password", "/second-factor")]
    return [
        *lists,
        "/analytics",
        page,
        *deeds,
        *outputs,
        *playback,
        "/livestreams/create",
        "/account/api-keys/create",
        "/account/apps",
        "/account/apps/create",
        f"/account/apps/{app_id}",
        f"/account/apps/{app_id}/rename",
        "/account/invitations/create",
        *people,
    ]


def _of_meetings(stream: Stream) -> list[str]:
    make = stream.integrator.call
    meeting = "/meetings/" + make("POST", "/meetings", title="A room with a rather long title " * 5)["data"]["id"]
    guest = {"custom_participant_id": "guest-" * 20, "preset_name": "group_call_host"}
    someone = make("POST", f"{meeting}/participants", **guest)["data"]["id"]
    make("POST", f"{meeting}/livestreams")
    preset = "/meetings/presets/" + make("GET", "/presets")["data"][0]["id"]
    participant = f"{meeting}/participants/{someone}"
    return [
        *("/meetings", "/meetings?q=nothing+is+called+so", "/meetings/create", "/meetings/presets"),
        *(f"{meeting}{deed}" for deed in ("", "/change", "/sessions", "/livestream/stop", "/participants/add")),
        *(participant, f"{participant}/remove", preset, f"{preset}/copy", f"{preset}/delete"),
    ]


def _embed_address(stream: Stream) -> str:
    playback_url: str = stream.created["playback_url"]
    return playback_url.removesuffix("/index.m3u8").replace("/playback/", "/embed/")


def _thumbnail(page: Page, stream: Stream) -> APIResponse:
    return page.request.get(stream.created["playback_url"].replace("index.m3u8", "thumbnail.jpg"))


_LEFT_EDGES = """(elements) => elements.map((element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    return range.getBoundingClientRect().left;
})"""
_FRAMES = """async (url) => {
    const data = await (await fetch(url)).arrayBuffer();
    const decoder = new ImageDecoder({ data, type: "image/webp" });
    await Promise.all([decoder.completed, decoder.tracks.ready]);
    const { frameCount } = decoder.tracks.selectedTrack;
    await decoder.decode({ frameIndex: frameCount - 1 });
    return frameCount;
}"""


def _moves_when_pointed_at(page: Page) -> None:
    """Hold that a list shows the preview for as long as somebody is at a broadcast and does not mind."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    image = page.locator("[data-preview]").first
    link = page.locator("tr, li").filter(has=image).locator("a").first
    is_still, moves = re.compile(r"/thumbnail\.jpg"), re.compile(r"/preview\.webp")
    page.emulate_media(reduced_motion="reduce")
    link.hover()
    page.mouse.move(0, 0)
    page.emulate_media(reduced_motion="no-preference")
    expect(image).to_have_attribute("src", is_still)
    assert not any(map(moves.search, asked))

    link.hover()
    expect(image).to_have_attribute("src", moves)
    wait_until(lambda: page.evaluate(_FRAMES, image.get_attribute("src")) > 1, what="more than one picture")
    page.mouse.move(0, 0)
    expect(image).to_have_attribute("src", is_still)
    link.focus()
    expect(image).to_have_attribute("src", moves)
    link.blur()
    expect(image).to_have_attribute("src", is_still)


class TestEveryPage:
    def test_is_accessible_fits_a_phone_and_breaks_no_policy(
        self, operator: Operator, stream: Stream, stack: RunningStack
    ) -> None:
        for address in [*_addresses(stream, stack), *_of_meetings(stream)]:
            operator.page.goto(address)
            expect(operator.page.locator("h1")).to_have_count(1)
            check(operator.page, operator)

    def test_names_of_either_direction_begin_at_their_columns_edge(
        self, operator: Operator, integrator: Integrator
    ) -> None:
        for name in ("Keynote", "\u0645\u0624\u062a\u0645\u0631 \u0627\u0644\u062e\u0631\u064a\u0641"):
            integrator.create(name)
        operator.page.goto("/livestreams?q=&sort=")
        links = operator.page.locator("a.row-link")

        edges = links.evaluate_all(_LEFT_EDGES)

        assert len(edges) >= 2
        assert len(set(edges)) == 1

    def test_while_a_meetings_livestream_is_live(self, operator: Operator, integrator: Integrator) -> None:
        page, meeting = operator.page, integrator.call("POST", "/meetings", title="Town hall")["data"]["id"]
        page.goto(f"/meetings/{meeting}")
        expect(page.get_by_test_id("start-livestream")).to_be_visible()

        # By a program, while the page is open: it gets stage and set-up box by itself.
        stream = Stream(integrator, integrator.call("POST", f"/meetings/{meeting}/livestreams")["data"])
        expect(page.get_by_test_id("stage")).to_be_visible()
        with publishing(stream.publish_url, size="640x360", kbps=600, fps=10):
            stream.await_status("LIVE")
            operator.watch(for_s=1)
            check(page, operator)
            wait_until(lambda: _thumbnail(page, stream).ok, what="the thumbnail")
            for address in (f"/livestreams/{stream.created['id']}", _embed_address(stream)):
                page.goto(address)
                operator.watch(for_s=1)
                check(page, operator)
            self._says_when_there_is_no_answer(page)
            operator.complaints.clear()
            session = stream.sessions()[0]
            for address in ("/", "/livestreams", f"/livestreams/{stream.created['id']}/sessions/{session['id']}"):
                with page.expect_websocket() as socket:
                    page.goto(address)
                socket.value.wait_for_event("framereceived")
                check(page, operator)
                if address in {"/", "/livestreams"}:
                    _moves_when_pointed_at(page)

            page.goto(f"/meetings/{meeting}")
            operator.watch(for_s=1)
            integrator.call("POST", f"/meetings/{meeting}/active-livestream/stop")
            expect(page.get_by_test_id("start-livestream")).to_be_visible()
            expect(page.get_by_test_id("video")).to_have_count(0)
        page.goto(f"/livestreams/{stream.created['id']}")
        expect(operator.status).to_have_text("Stopped")
        check(page, operator)

    def _says_when_there_is_no_answer(self, page: Page) -> None:
        """Hold that an embedded player takes a server without an answer for no end of the broadcast."""
        page.route("**/playback/**", lambda route: route.fulfill(status=503))
        page.reload()
        expect(page.locator("[data-state=unreachable]")).to_be_visible()
        page.unroute("**/playback/**")
        expect(page.locator(".stage")).to_have_attribute("data-playing", "yes")

    def test_log_in_and_errors(self, page: Page, stack: RunningStack) -> None:
        visitor = Operator(page)
        for address in ("/log-in", "/log-in/forgotten"):
            page.goto(address)
            check(page, visitor)
        page.goto("/livestreams/nothing-here")
        assert serious_violations(page) == []


class TestKeyboard:
    def test_a_livestream_is_created_without_a_mouse(self, operator: Operator) -> None:
        page = operator.page
        page.goto("/livestreams")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.get_by_test_id("create-livestream")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog").get_by_label("Name")).to_be_focused()

        page.keyboard.type("By keyboard")
        page.keyboard.press("Enter")

        expect(page.get_by_role("heading", name="By keyboard")).to_be_visible()

    def test_escape_closes_a_dialog_and_gives_the_focus_back(self, operator: Operator) -> None:
        page = operator.page
        page.goto("/livestreams")
        page.get_by_test_id("create-livestream").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_be_visible()

        page.keyboard.press("Escape")

        expect(page.get_by_role("dialog")).not_to_be_visible()
        expect(page.get_by_test_id("create-livestream")).to_be_focused()
