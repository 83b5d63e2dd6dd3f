"""The collector reads, counts and writes, and begins anew wherever it has ended."""

import json
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from django.test import Client
from pytest_django import Settings

from analytics import collecting, media_log
from analytics.books import Books
from analytics.collecting import Collector
from analytics.database_books import DatabaseBooks
from analytics.hub_books import HubBooks
from analytics.models import DailySalt, Day, LogCursor, SessionNow, View
from livehub.core import clock
from streams.livestreams.storage import folder_name
from streams.models import Livestream, Session
from tests.analytics.crowds import line
from tests.analytics.delivered import put_media
from tests.services import wait_until

pytestmark = pytest.mark.django_db
_TOKEN = "a token of twenty characters and more"


class Line(httpx.BaseTransport):
    """To the hub within this process; cut, nothing gets there, or no answer comes back."""

    def __init__(self) -> None:
        self.is_cut = self.loses_answers = False
        self.longest = 1 << 30
        # Called with what is asked for.
        self.asked: Callable[[str], object] = str

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked(request.url.path)
        if self.is_cut:
            raise httpx.ConnectError("cut")
        if len(request.read()) > self.longest:
            return httpx.Response(413)
        headers = {"Authorization": request.headers["Authorization"]}
        answer = Client().post(request.url.path, request.read(), content_type="application/json", headers=headers)
        if self.loses_answers:
            raise httpx.ReadTimeout("lost")
        return httpx.Response(answer.status_code, content=answer.content)


@pytest.fixture
def hub_line(settings: Settings) -> Line:
    settings.EDGE_TOKEN = _TOKEN
    return Line()


@pytest.fixture
def hub(hub_line: Line) -> Books:
    return HubBooks(httpx.Client(base_url="http://testserver", transport=hub_line), token=_TOKEN)


class Edge:
    """An edge's folders, and what delivers from them."""

    def __init__(self, root: Path, session: Session) -> None:
        self.log, self.pid_path, self.media = root / "media.log", root / "edge.pid", root / "playback"
        self._session = folder_name(session.pk)
        self._folder = put_media(self.media, session=self._session, segments=40)
        self._began_s = time.time() - 60
        self.lines = 0

    def collector(self, books: Books, *, edge: str = "far") -> Collector:
        return Collector(
            books,
            log_path=self.log,
            pid_path=self.pid_path,
            playback_dir=self.media,
            edge=edge,
            country_of=lambda _: None,
        )

    def list_session(self) -> None:
        """Have the livestream's playlist list its session's renditions."""
        playlist = f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=800000\n{self._session}/v0/index.m3u8\n"
        (self.media / "pb_crowd" / "index.m3u8").write_text(playlist)

    def report(self, *events: str, sid: str, names_session: bool = True) -> None:
        """Have a player report, with times and name added."""
        session = f"{self._session}/" if names_session else ""
        now_s = time.time()
        told = {
            "e": "report",
            "i": f"{self.lines:032x}",
            "t": now_s,
            "u": f"/playback/pb_crowd/{session}events",
            "s": 204,
            "b": 0,
            "a": "203.0.113.7",
            "g": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "r": "\n".join(f'{event},sid="{sid}",ts={now_s * 1000:.0f}' for event in events),
        }
        with self.log.open("ab") as file:
            file.write(json.dumps(told).encode() + b"\n")
        self.lines += 1

    def set_clock(self, step_s: float) -> None:
        self._began_s += step_s

    def deliver(self, *, first: int, segments: int, to: Sequence[str] = ("one", "two")) -> None:
        with self.log.open("ab") as file:
            for msn in range(first, first + segments):
                size = (self._folder / f"1-{msn}.m4s").stat().st_size
                for viewer in to:
                    at_s = self._began_s + 2 * msn
                    told = line(at_s, session=self._session, msn=msn, cmcd=f'sid="{viewer}"', size=size)
                    file.write(told + b"\n")
                    self.lines += 1


@pytest.fixture
def edge(tmp_path: Path, livestream: Livestream) -> Edge:
    return Edge(tmp_path, Session.objects.create(livestream=livestream))


def _turning(collector: Collector, is_done: Callable[[], bool]) -> Callable[[], bool]:
    def turn() -> bool:
        collector.turn()
        return is_done()

    return turn


def _written() -> int:
    return sum(LogCursor.objects.values_list("lines", flat=True))


def _watched_ms() -> list[int]:
    return sorted(View.objects.filter(has_begun=True).values_list("watched_ms", flat=True))


def test_what_is_delivered_is_written_with_how_far_that_is(edge: Edge) -> None:
    edge.deliver(first=0, segments=5)

    wait_until(_turning(edge.collector(DatabaseBooks()), lambda: _written() == 10), what="the batch")

    assert _watched_ms() == [9000, 9000]
    cursor = LogCursor.objects.get()
    assert (cursor.edge, cursor.offset, cursor.rejected) == ("far", edge.log.stat().st_size, {})


def test_begins_anew_wherever_it_has_ended(edge: Edge) -> None:
    for number in range(4):
        edge.deliver(first=number * 5, segments=5)
        # Another process each time, which knows nothing of the one before.
        wait_until(_turning(edge.collector(DatabaseBooks()), lambda: _written() == edge.lines), what="the batch")

    assert _watched_ms() == [39_000, 39_000]
    assert sum(Day.objects.filter(kind="all").values_list("viewer_ms", flat=True)) == 78_000


def test_an_edge_node_counts_on_while_its_hub_is_away(edge: Edge, hub: Books, hub_line: Line) -> None:
    collector = edge.collector(hub)
    edge.deliver(first=0, segments=5)
    wait_until(_turning(collector, lambda: _written() == 10), what="the first batch")
    hub_line.is_cut = True
    edge.deliver(first=5, segments=5)
    for _ in range(5):
        collector.turn()
    assert _written() == 10
    # As a rotation does.
    edge.log.rename(edge.log.with_name("media.log.000001"))
    edge.deliver(first=10, segments=5)
    for _ in range(5):
        collector.turn()
    # What is not written down yet is kept.
    assert edge.log.with_name("media.log.000001").exists()

    hub_line.is_cut = False
    wait_until(_turning(collector, lambda: _written() == 30), what="the rest")

    assert _watched_ms() == [29_000, 29_000]
    wait_until(_turning(collector, lambda: not edge.log.with_name("media.log.000001").exists()), what="an end of it")


def test_an_answer_that_gets_lost_counts_nothing_twice(edge: Edge, hub: Books, hub_line: Line) -> None:
    collector = edge.collector(hub)
    edge.deliver(first=0, segments=5)
    wait_until(_turning(collector, lambda: _written() == 10), what="the first batch")
    hub_line.loses_answers = True
    edge.deliver(first=5, segments=5)
    wait_until(_turning(collector, lambda: _written() == 20), what="a batch without an answer")
    edge.deliver(first=10, segments=5)
    hub_line.loses_answers = False

    wait_until(_turning(collector, lambda: _written() == 30), what="the last batch")

    assert _watched_ms() == [29_000, 29_000]


def test_a_file_goes_when_it_is_written_down_though_nobody_watches_any_more(edge: Edge) -> None:
    collector, renamed = edge.collector(DatabaseBooks()), edge.log.with_name("media.log.000001")
    edge.deliver(first=0, segments=5)
    wait_until(_turning(collector, lambda: _written() == 10), what="the batch")
    # As a rotation does: nginx has nothing to write into the next one.
    edge.log.rename(renamed)
    edge.log.touch()

    wait_until(_turning(collector, lambda: not renamed.exists()), what="an end of it")

    assert edge.log.exists()


def test_what_piles_up_while_nobody_can_write_is_bounded(
    edge: Edge, hub: Books, hub_line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_log, "_KEPT_BYTES", 3000)
    collector = edge.collector(hub)
    collector.turn()
    hub_line.is_cut = True
    for number in range(1, 5):
        edge.deliver(first=number * 5, segments=5)
        edge.log.rename(edge.log.with_name(f"media.log.{number:06}"))
    edge.log.touch()

    def kept() -> list[str]:
        return sorted(path.name for path in edge.log.parent.glob("media.log.*"))

    # Each is longer than that.
    wait_until(_turning(collector, lambda: not kept()), what="room")


def test_one_that_ends_says_so_when_all_is_written(edge: Edge, hub: Books) -> None:
    collector = edge.collector(hub)
    edge.deliver(first=0, segments=5)
    wait_until(_turning(collector, lambda: _written() == 10), what="the batch")
    assert not LogCursor.objects.get().has_left
    edge.deliver(first=5, segments=5)
    collector.turn()

    collector.stop()
    collector.run()

    assert (_written(), LogCursor.objects.get().has_left, SessionNow.objects.exists()) == (20, True, False)
    again = edge.collector(hub)
    wait_until(_turning(again, lambda: not LogCursor.objects.get().has_left), what="its return")


def test_what_players_report_goes_the_same_way(edge: Edge, hub: Books) -> None:
    """Also where a report is a file's first line, by which files are told apart."""
    edge.report("e=ps,sta=s,sn=0", sid="one")
    edge.deliver(first=0, segments=5)
    wait_until(_turning(edge.collector(hub), lambda: _written() == 11), what="the first file")
    edge.log.rename(edge.log.with_name("media.log.000001"))
    edge.report("e=ps,sta=p,sn=1,msd=420", "e=t,sta=p,sn=2,com.livehub-wt=9000,ltc=2300", sid="one")
    edge.report("e=ps,sta=s,sn=0", "e=ps,sta=q,sn=1", sid="gone")
    edge.report("e=ps,sta=p,sn=NaN", sid="one")
    wait_until(_turning(edge.collector(hub), lambda: _written() == 13), what="the second file")

    assert _watched_ms() == [9000, 9000]
    assert LogCursor.objects.get().rejected == {"report": 1}
    one = View.objects.get(startup_ms=420)
    assert (one.played_ms, one.latency_ms, one.failed, one.has_begun) == (9000, 2300, False, True)
    gone = View.objects.get(exited_before_start=True)
    assert (gone.has_begun, gone.watched_ms) == (False, 0)
    assert View.objects.filter(failed=None).count() == 1


def test_who_reports_before_anything_was_delivered_watches_what_the_playlist_lists(edge: Edge) -> None:
    """As players of others begin, which know of no session."""
    collector = edge.collector(DatabaseBooks())
    edge.report("e=ps,sta=s,sn=0", sid="too soon", names_session=False)
    wait_until(_turning(collector, lambda: LogCursor.objects.exists()), what="the first line")
    edge.list_session()
    edge.report("e=ps,sta=s,sn=0", sid="first", names_session=False)
    wait_until(_turning(collector, lambda: _written() == 1), what="the second line")

    assert LogCursor.objects.get().rejected == {"foreign": 1}
    assert View.objects.get().session_id == Session.objects.get().pk


def test_a_line_that_was_never_ended_is_known_as_torn(edge: Edge) -> None:
    edge.deliver(first=0, segments=5)
    with edge.log.open("ab") as file:
        file.write(b'{"i":"torn')
    edge.log.rename(edge.log.with_name("media.log.000001"))
    edge.deliver(first=5, segments=5)

    wait_until(_turning(edge.collector(DatabaseBooks()), lambda: _written() == 20), what="both files")

    assert LogCursor.objects.get().rejected == {"torn": 1}


def test_who_watches_now_is_told_beside(edge: Edge) -> None:
    collector = edge.collector(DatabaseBooks())
    # Up to now.
    edge.deliver(first=20, segments=11)

    wait_until(_turning(collector, SessionNow.objects.exists), what="those who watch")

    assert SessionNow.objects.values_list("counted", "estimated").get() == (2, 0)


def test_what_comes_together_while_nothing_can_be_written_can_be_written(
    edge: Edge, hub: Books, hub_line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that is larger than a hub takes would never be written: what is too much waits in the log."""
    monkeypatch.setattr(collecting, "_CHANGES_AT_MOST", 30)
    monkeypatch.setattr(media_log, "_PIECE", 4000)
    collector = edge.collector(hub)
    edge.deliver(first=0, segments=5)
    wait_until(_turning(collector, lambda: _written() == 10), what="the first batch")
    hub_line.is_cut = True
    # The log is read in pieces: in each, others come.
    for number in range(10):
        edge.deliver(first=5, segments=5, to=[f"{number}-{viewer}" for viewer in range(10)])
        for _ in range(3):
            collector.turn()
    hub_line.is_cut = False
    hub_line.longest = 25_000

    wait_until(_turning(collector, lambda: _written() == 510), what="the rest")

    assert _watched_ms() == [9000] * 102
    assert LogCursor.objects.get().rejected == {}


def test_a_hub_that_never_answers_is_no_hang_of_the_collectors(
    edge: Edge, hub: Books, hub_line: Line, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It shows life before each wait: two of them in a row are longer than the supervisor is patient."""
    beat, shown = tmp_path / "beat", dict[str, bool]()
    monkeypatch.setenv("LIVEHUB_HEARTBEAT", str(beat))

    def ask(what: str) -> None:
        shown[what] = shown.get(what, True) and beat.exists()
        beat.unlink(missing_ok=True)

    hub_line.asked = ask
    collector = edge.collector(hub)
    edge.deliver(first=20, segments=11)
    wait_until(_turning(collector, SessionNow.objects.exists), what="those who watch")
    hub_line.is_cut = True
    shown.clear()
    edge.deliver(first=31, segments=1)

    wait_until(_turning(collector, lambda: len(shown) == 2), what="both to be asked")

    assert shown == {"/edges/batch": True, "/edges/now": True}


@pytest.mark.parametrize("step_s", [-3600, 3600])
def test_nobody_comes_or_goes_because_the_clock_is_set(
    edge: Edge, monkeypatch: pytest.MonkeyPatch, step_s: int
) -> None:
    monkeypatch.setattr(collecting, "_EXPIRE_S", 0.0)
    collector = edge.collector(DatabaseBooks())
    # Up to now.
    edge.deliver(first=11, segments=20)
    wait_until(_turning(collector, lambda: _written() == 40), what="what was delivered before")

    monkeypatch.setattr(collecting, "_now_ms", lambda: time.time_ns() // 1_000_000 + step_s * 1000)
    edge.set_clock(step_s)
    for _ in range(3):
        collector.turn()
    edge.deliver(first=31, segments=3)
    wait_until(_turning(collector, lambda: _written() == 46), what="what was delivered after")

    assert LogCursor.objects.get().rejected == {}
    assert _watched_ms() == pytest.approx([45_000, 45_000], abs=100)
    # As soon as they have gone, they have gone.
    wait_until(_turning(collector, lambda: not SessionNow.objects.exists()), what="an end of both")


def test_views_of_who_waits_to_be_counted_go_on(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    """The collector was away for long, and there is more to read than it reads at once."""
    monkeypatch.setattr(collecting, "_PIECES", 1)
    monkeypatch.setattr(media_log, "_PIECE", 1000)
    monkeypatch.setattr(collecting, "_EXPIRE_S", 0.0)
    edge.set_clock(-3000)
    edge.deliver(first=0, segments=20)

    wait_until(_turning(edge.collector(DatabaseBooks()), lambda: _written() == 40), what="all")

    assert _watched_ms() == [39_000, 39_000]


def test_views_that_another_version_has_counted_hold_up_nobody(edge: Edge) -> None:
    edge.deliver(first=0, segments=5)
    wait_until(_turning(edge.collector(DatabaseBooks()), lambda: _written() == 10), what="the first batch")
    View.objects.update(state=b"of another version")
    edge.deliver(first=5, segments=5)

    wait_until(_turning(edge.collector(DatabaseBooks()), lambda: _written() == 20), what="the rest")

    assert _watched_ms() == [9000] * 4


def test_the_salts_of_days_that_are_over_are_forgotten_though_nobody_watches(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector = edge.collector(DatabaseBooks())
    wait_until(_turning(collector, LogCursor.objects.exists), what="its beginning")
    after_tomorrow = clock.now() + timedelta(days=2)

    monkeypatch.setattr(clock, "now", lambda: after_tomorrow)

    made = DailySalt.objects.filter(day=after_tomorrow.date())
    wait_until(_turning(collector, made.exists), what="the salt of another day")
