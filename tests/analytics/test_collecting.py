"""The collector reads, counts and writes, and begins anew wherever it has ended."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from django.test import Client
from pytest_django import Settings

from analytics.books import Books
from analytics.collecting import Collector
from analytics.counting.identity import hash_viewer
from analytics.database_books import DatabaseBooks
from analytics.hub_books import HubBooks
from analytics.models import DailySalt, Day, LogCursor, SessionNow, View
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

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.is_cut:
            raise httpx.ConnectError("cut")
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

    def report(self, *events: str, sid: str) -> None:
        """Have a player report, with times and name added."""
        now_s = time.time()
        told = {
            "e": "report",
            "i": f"{self.lines:032x}",
            "t": now_s,
            "u": f"/playback/pb_crowd/{self._session}/events",
            "s": 204,
            "b": 0,
            "a": "203.0.113.7",
            "g": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "r": "\n".join(f'{event},sid="{sid}",ts={now_s * 1000:.0f}' for event in events),
        }
        with self.log.open("ab") as file:
            file.write(json.dumps(told).encode() + b"\n")
        self.lines += 1

    def deliver(self, *, first: int, segments: int) -> None:
        with self.log.open("ab") as file:
            for msn in range(first, first + segments):
                size = (self._folder / f"1-{msn}.m4s").stat().st_size
                for viewer in ("one", "two"):
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


def test_a_line_that_was_never_ended_is_known_as_torn(edge: Edge) -> None:
    edge.deliver(first=0, segments=5)
    with edge.log.open("ab") as file:
        file.write(b'{"i":"torn')
    edge.log.rename(edge.log.with_name("media.log.000001"))
    edge.deliver(first=5, segments=5)

    wait_until(_turning(edge.collector(DatabaseBooks()), lambda: _written() == 20), what="both files")

    assert LogCursor.objects.get().rejected == {"torn": 1}


def test_one_that_goes_on_over_midnight_has_the_salts_of_the_day(edge: Edge) -> None:
    collector = edge.collector(DatabaseBooks())
    edge.deliver(first=0, segments=5)
    wait_until(_turning(collector, lambda: _written() == 10), what="the first batch")
    # As of one that has begun the day before; and salts are removed when their time is over.
    collector._salts_day -= 1
    DailySalt.objects.all().delete()

    edge.deliver(first=5, segments=5)
    wait_until(_turning(collector, lambda: _written() == 20), what="the next batch")

    assert DailySalt.objects.count() == 3
    edge.report("e=ps,sta=s,sn=0", "e=ps,sta=q,sn=1", sid="new")
    wait_until(_turning(collector, lambda: _written() == 21), what="one who came after it")
    name = folder_name(Session.objects.get().pk)
    hashed = {hash_viewer(bytes(row.salt), name, "cmcd", "new") for row in DailySalt.objects.all()}
    assert bytes(View.objects.get(exited_before_start=True).viewer) in hashed


def test_who_watches_now_is_told_beside(edge: Edge) -> None:
    collector = edge.collector(DatabaseBooks())
    # Up to now.
    edge.deliver(first=20, segments=11)

    wait_until(_turning(collector, SessionNow.objects.exists), what="those who watch")

    assert SessionNow.objects.values_list("counted", "estimated").get() == (2, 0)
