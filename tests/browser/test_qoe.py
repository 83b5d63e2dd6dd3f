"""What `static/livehub/js/qoe.js` says of a player, by a clock of the test's own: a picture that is told what to do."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, Route

from analytics.counting.reports import PlayerEvent, read_event
from tests.browser.windows import window
from tests.services import wait_until

pytestmark = pytest.mark.browser

_SCRIPTS = Path(settings.BASE_DIR) / "static/livehub/js"
_SITE = "http://player.test"
_DOOR, _SESSION = "/playback/t/a.b.c/pb_one", "0f8fad5bd9cb469f"
_BEGAN_S = 1_794_000_000
_STEP_MS = 5000
_PAGE = """
<script type="module">
  import { QualityReport } from "/qoe.js";
  // Has what is asked of an element; its picture moves with the clock.
  class Picture extends EventTarget {
    paused = false; seeking = false; readyState = 4; HAVE_FUTURE_DATA = 3; buffered = { length: 0 };
    #movesSince = NaN; #shownS = 0;
    get currentTime() {
      return this.#shownS + (this.#movesSince >= 0 ? (performance.now() - this.#movesSince) / 1000 : 0);
    }
    move() { this.#shownS = this.currentTime; this.#movesSince = performance.now(); }
    stand() { this.#shownS = this.currentTime; this.#movesSince = NaN; }
    tell(name) { this.dispatchEvent(new Event(name)); }
    getVideoPlaybackQuality() { return { droppedVideoFrames: 3 }; }
  }
  // Of hls.js, what it is asked for.
  class Hls {
    static Events = { MANIFEST_LOADED: "loaded", LEVEL_SWITCHED: "switched" };
    levels = [{ bitrate: 2_500_000 }]; currentLevel = 0; bandwidthEstimate = 8_000_000; playingDate = null;
    heard = {};
    on(name, action) { this.heard[name] = action; }
  }
  window.onTheirWay = 0;
  const ask = window.fetch;
  window.fetch = (...what) => {
    onTheirWay += 1;
    return ask(...what).finally(() => (onTheirWay -= 1));
  };
  window.beacons = [];
  navigator.sendBeacon = (url, body) => beacons.push([new URL(url).pathname, body]);
  window.video = new Picture();
  window.hls = new Hls();
  window.lateS = NaN;
  window.begin = () => {
    window.report = new QualityReport(video, { src: "SRC", sid: "one", contentId: "content" });
    report.follow(hls, () => lateS);
  };
</script>
"""


@dataclass
class Player:
    """Its page, and what the edge has been sent: where, and what; `statuses` are those of its first answers."""

    page: Page
    posts: list[tuple[str, str]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def play(self) -> None:
        self.page.evaluate("video.move(); video.tell('playing')")

    def starve(self) -> None:
        self.page.evaluate("video.stand(); video.tell('waiting')")

    def wait(self, ms: int) -> None:
        # Answers come at once, by this clock: what is on its way for ten seconds is given up.
        self.settle()
        for passed_ms in range(0, ms, _STEP_MS):
            self.page.clock.run_for(min(_STEP_MS, ms - passed_ms))
            self.settle()

    def settle(self) -> None:
        """Return when all that is on its way has been answered."""
        wait_until(lambda: self.page.evaluate("onTheirWay === 0"), what="answers")

    def start(self, *, after_ms: int = 400) -> None:
        """Have somebody ask, and pictures so long after that."""
        self.page.evaluate("report.ask()")
        self.wait(after_ms)
        self.play()

    def place(self) -> None:
        """Say which session it is, as a list of renditions does."""
        self.page.evaluate(f"hls.heard.loaded(null, {{levels: [{{url: '{_DOOR}/{_SESSION}/v0/index.m3u8'}}]}})")

    def sent(self, count: int) -> list[str]:
        """Return the lines that were posted so far: so many."""
        self.settle()
        lines = [line for _, body in self.posts for line in body.split("\n")]
        assert len(lines) == count
        return lines

    def events(self, count: int) -> list[PlayerEvent]:
        return [read_event(line) for line in self.sent(count)]

    @property
    def beacons(self) -> list[tuple[str, list[PlayerEvent]]]:
        told = self.page.evaluate("beacons")
        return [(path, [read_event(line) for line in body.split("\n")]) for path, body in told]


@pytest.fixture
def player(browser: Browser) -> Iterator[Player]:
    with window(browser, _SITE) as page:
        player = Player(page)

        def serve(route: Route) -> None:
            path = route.request.url.removeprefix(_SITE)
            if route.request.method == "POST":
                status = player.statuses.pop(0) if player.statuses else 204
                if status == 0:
                    route.abort()
                    return
                if status == 204:
                    player.posts.append((path, route.request.post_data or ""))
                route.fulfill(status=status)
            elif path == "/":
                route.fulfill(content_type="text/html", body=_PAGE.replace("SRC", f"{_DOOR}/index.m3u8"))
            else:
                route.fulfill(content_type="text/javascript", body=(_SCRIPTS / path[1:]).read_text())

        page.clock.install(time=_BEGAN_S - 60)
        page.route(f"{_SITE}/**", serve)
        page.goto("/")
        page.wait_for_function("!!window.begin")
        # From now on it goes as the test says.
        page.clock.pause_at(_BEGAN_S)
        page.evaluate("begin()")
        yield player


def test_says_how_long_it_took_to_start_how_long_it_played_and_how_long_it_stood(player: Player) -> None:
    player.place()
    player.start()
    player.wait(10_100)
    player.starve()
    player.wait(2_000)
    player.play()
    player.wait(8_000)

    asked, started, regularly, stood, goes_on, again = player.events(6)
    assert (asked.state, asked.startup_ms, asked.played_ms) == ("s", None, 0)
    assert (started.state, started.startup_ms, started.at_ms - asked.at_ms) == ("p", 400, 400)
    assert (regularly.state, regularly.played_ms) == ("p", 9_600)
    assert (stood.state, stood.played_ms, stood.stalls, stood.stalled_ms) == ("r", 10_100, 1, 0)
    assert (goes_on.state, goes_on.played_ms, goes_on.stalls, goes_on.stalled_ms) == ("p", 10_100, 1, 2_000)
    assert (again.played_ms, again.stalled_ms, again.dropped_frames) == (17_600, 2_000, 3)
    assert [event.sequence for event in (asked, started, regularly, stood, goes_on, again)] == list(range(6))


def test_goes_to_the_session_with_the_token_of_what_is_played(player: Player) -> None:
    player.start()
    player.wait(1_000)
    assert player.posts == []

    player.place()
    assert [event.state for event in player.events(2)] == ["s", "p"]
    assert {path for path, _ in player.posts} == {f"{_DOOR}/{_SESSION}/events"}


def test_goes_to_the_livestream_where_nobody_says_which_session_it_is(player: Player) -> None:
    player.start()
    player.wait(3_600)

    assert [event.state for event in player.events(2)] == ["s", "p"]
    assert {path for path, _ in player.posts} == {f"{_DOOR}/events"}


@pytest.mark.parametrize("status", [0, 429, 503])
def test_what_was_not_taken_goes_with_what_follows_and_in_its_order(player: Player, status: int) -> None:
    player.statuses = [status] * 2
    player.place()
    player.start()
    player.settle()
    assert player.posts == []

    player.wait(9_600)

    assert [event.sequence for event in player.events(3)] == [0, 1, 2]


def test_what_is_refused_is_not_said_again(player: Player) -> None:
    """As of whoever may not watch."""
    player.statuses = [403]
    player.place()
    player.page.evaluate("report.ask()")
    player.wait(400)
    player.play()

    assert [event.sequence for event in player.events(1)] == [1]


def test_a_halt_that_no_event_tells_of_is_one_since_the_picture_stood(player: Player) -> None:
    player.place()
    player.start()
    player.wait(4_600)
    player.page.evaluate("video.stand()")
    player.wait(3_000)
    player.page.evaluate("video.move()")
    player.wait(2_000)

    stood, goes_on = [event for event in player.events(5) if event.stalls][:2]
    # It is looked at once a second.
    assert (stood.state, stood.stalls) == ("r", 1)
    assert 3_600 <= (stood.played_ms or 0) <= 4_600
    assert (goes_on.state, goes_on.stalls) == ("p", 1)
    assert 3_000 <= (goes_on.stalled_ms or 0) <= 4_000
    assert (goes_on.played_ms or 0) + (goes_on.stalled_ms or 0) == goes_on.at_ms - _BEGAN_S * 1000 - 400


def test_seeking_pausing_and_starting_are_no_stalls(player: Player) -> None:
    player.place()
    player.page.evaluate("report.ask(); video.tell('waiting')")
    player.wait(500)
    player.play()
    player.wait(1_000)
    player.page.evaluate("video.seeking = true; video.tell('seeking'); video.tell('waiting')")
    player.wait(700)
    player.page.evaluate("video.seeking = false; video.tell('seeked')")
    player.wait(1_000)
    player.page.evaluate("video.paused = true; video.stand(); video.tell('pause')")
    player.wait(30_000)

    said = player.events(5)
    assert [event.state for event in said] == ["s", "p", "k", "p", "a"]
    assert [event.played_ms for event in said] == [0, 0, 1_000, 1_000, 2_000]
    assert {(event.stalls, event.stalled_ms) for event in said} == {(0, 0)}


def test_a_machine_that_slept_has_not_played(player: Player) -> None:
    player.place()
    player.start()
    player.settle()
    player.page.clock.fast_forward(3_600_000)

    said = player.events(3)
    assert 10_000 <= (said[-1].played_ms or 0) <= 90_000


def test_how_late_it_is_is_the_mean_since_it_was_said_last(player: Player) -> None:
    player.place()
    player.start()
    # The clock of the server is not known at first.
    player.page.evaluate("lateS = 50")
    player.wait(2_600)
    player.page.evaluate("lateS = 2")
    player.wait(7_000)
    player.page.evaluate("lateS = 4")
    player.wait(10_000)

    assert [event.latency_ms for event in player.events(4)] == [None, None, 2_000, 4_000]


def test_who_waits_for_a_click_has_asked_for_nothing(player: Player) -> None:
    player.place()
    player.page.evaluate("report.ask(); report.waitForAClick()")
    player.wait(60_000)
    player.page.evaluate("video.tell('play')")
    player.wait(300)
    player.play()

    said = player.events(4)
    assert [event.state for event in said] == ["s", "d", "s", "p"]
    assert said[-1].startup_ms == 300


@pytest.mark.parametrize(
    ("deed", "state", "code"),
    [
        ("", "q", None),
        ("report.warn('fragLoadError')", "q", None),
        ("video.stand(); video.tell('waiting'); report.warn('fragLoadError')", "f", "fragLoadError"),
        ("report.fail('cannotPlay')", "f", "cannotPlay"),
    ],
)
def test_who_leaves_says_so_at_once_and_what_did_not_come_is_a_failure(
    player: Player, deed: str, state: str, code: str | None
) -> None:
    player.place()
    player.start()
    player.wait(1_600)
    player.sent(2)

    player.page.evaluate(f"{deed}; dispatchEvent(new PageTransitionEvent('pagehide')); report.leave()")

    ((path, events),) = player.beacons
    assert path == f"{_DOOR}/{_SESSION}/events"
    assert events[-1].state == state
    assert code is None or events[-1].error_code == code
    assert events[-1].played_ms == 1_600
    player.page.evaluate("video.tell('playing')")
    player.wait(30_000)
    assert len(player.beacons) == 1


def test_who_comes_back_to_a_page_that_was_kept_goes_on(player: Player) -> None:
    player.place()
    player.start()
    player.wait(1_600)
    player.page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    player.wait(60_000)

    player.page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    player.wait(1_000)
    player.page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")

    assert [events[-1].state for _, events in player.beacons] == ["q", "q"]
    assert player.beacons[-1][1][-1].played_ms == 2_600


def test_says_what_is_played_and_how_much_lies_ahead(player: Player) -> None:
    player.page.evaluate("video.buffered = {length: 1, start: () => 0, end: () => 3}")
    player.place()
    player.start()

    (_, line) = player.sent(2)
    for said in ("bl=(3000)", "br=(2500)", "mtp=(8000)", 'cid="content"', "dfa=3", "e=ps", "v=2"):
        assert said in line.split(",")
