"""Viewers over HTTP are counted, each delivered object once, whatever happens to the collector and its log."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random
from uuid import uuid4
from xmlrpc.client import ServerProxy

import httpx
import psutil
import psycopg
import pytest
from supervisor.xmlrpc import SupervisorTransport

from analytics.counting.lines import file_id
from tests.e2e.client import Stream
from tests.e2e.encoder import publishing
from tests.plain_http import plain_client
from tests.services import wait_until
from tests.stack.whole import BASE_DIR, RunningStack

pytestmark = pytest.mark.e2e

# More of the collector's, and many more lines: tests/chaos/test_counting.py.
_VIEWERS, _DEATHS = 24, 12
_BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_BOT = "Twitterbot/1.0"


class Player:
    """Fetches what a rendition's playlist names, once each."""

    def __init__(self, playlist: str, *, agent: str = _BROWSER, has_id: bool = True) -> None:
        self.sid = str(uuid4())
        named = {"CMCD-Session": f'sid="{self.sid}"'} if has_id else {}
        self._http = plain_client(headers={"User-Agent": agent, **named})
        self._playlist = httpx.URL(playlist)
        self._seen: set[str] = set()
        self.fetched = 0

    def fetch(self) -> None:
        """Get the segments that are new, and besides what never counts."""
        text = self._http.get(self._playlist).raise_for_status().text
        for uri in re.findall(r"^[^#\s].*\.m4s$", text, re.MULTILINE):
            if uri not in self._seen:
                self._seen.add(uri)
                self._http.get(self._playlist.join(uri)).raise_for_status()
                self.fetched += 1
        for uri in re.findall(r'#EXT-X-MAP:URI="(.*?)"', text):
            self._http.get(self._playlist.join(uri)).raise_for_status()
        self._http.head(self._playlist.join(next(iter(self._seen)))).raise_for_status()
        self._http.get(self._playlist.join("9-999999.m4s"))

    def report(self, *events: str) -> None:
        """Say that of oneself as a CMCD v2 player does, with times and name added."""
        said = [f'{event},sid="{self.sid}",ts={time.time() * 1000:.0f},v=2' for event in events]
        answer = self._http.post(self._playlist.join("../events"), content="\n".join(said))
        assert (answer.status_code, answer.content) == (204, b"")


@pytest.fixture
def database(stack: RunningStack) -> "Iterator[psycopg.Connection[tuple[int, ...]]]":
    with _connected(stack) as connection:
        yield connection


def _ask(database: "psycopg.Connection[tuple[int, ...]]", query: str, *values: object) -> tuple[int, ...]:
    row = database.execute(query.encode(), values).fetchone()
    assert row is not None
    return row


def _read_lines(database: "psycopg.Connection[tuple[int, ...]]") -> int:
    """Return how many lines of the log were read so far, counted or not."""
    sums = "lines + (SELECT coalesce(sum(value::int), 0) FROM jsonb_each_text(rejected))"
    return _ask(database, f"SELECT coalesce(sum({sums}), 0)::int FROM analytics_logcursor")[0]  # noqa: S608


def _is_read_to_its_end(log: Path, database: "psycopg.Connection[tuple[int, ...]]") -> bool:
    """Tell whether no line is left; nginx has written by now what was fetched a second ago."""
    if list(log.parent.glob(f"{log.name}.*")):
        return False
    try:
        written = log.read_bytes()
    except FileNotFoundError:
        # It was just renamed, and nginx is about to open another.
        return False
    known = 'SELECT count(*) FROM analytics_logcursor WHERE file_id = %s AND "offset" = %s'
    return not written or _ask(database, known, file_id(written.partition(b"\n")[0]), len(written)) == (1,)


def _next_after(log: Path) -> Path:
    """Return the name that the collector would give it next."""
    numbers = [int(path.suffix[1:]) for path in log.parent.glob(f"{log.name}.*")]
    return log.with_name(f"{log.name}.{max(numbers, default=0) + 1:06}")


def test_lines_that_were_written_are_lines_that_were_counted(
    stack: RunningStack, stream: Stream, database: "psycopg.Connection[tuple[int, ...]]"
) -> None:
    log = stack.runtime_dir / "media.log"
    with publishing(stream.publish_url), ThreadPoolExecutor(8) as pool:
        stream.await_status("LIVE")
        stream.newest_segment()
        # What others have fetched, a first run of this test among them.
        wait_until(lambda: _is_read_to_its_end(log, database), what="the lines so far")
        before = _read_lines(database)
        playlist = next(iter(stream.playlists()))
        people = [Player(playlist) for _ in range(_VIEWERS - 2)]
        # Two behind one address, who do not say who they are.
        people += [Player(playlist, has_id=False) for _ in range(2)]
        bot = Player(playlist, agent=_BOT)
        everybody = [*people, bot]
        list(pool.map(Player.fetch, everybody))

        os.kill(stack.pids()["collector"], signal.SIGKILL)
        segment = stream.newest_segment()
        wait_until(lambda: stream.has_newer_than(segment), what="another segment")
        list(pool.map(Player.fetch, everybody))
        # As after a death between renaming and telling nginx.
        log.rename(_next_after(log))
        wait_until(log.exists, what="another log")
        segment = stream.newest_segment()
        wait_until(lambda: stream.has_newer_than(segment), what="another segment")
        list(pool.map(Player.fetch, everybody))

        fetched = sum(player.fetched for player in everybody)
        wait_until(lambda: _read_lines(database) - before >= fetched, what="all lines")
        session = stream.sessions()[0]
    assert _read_lines(database) - before == fetched
    views, viewer_ms, identities = _ask(
        database,
        "SELECT count(*), sum(watched_ms), count(DISTINCT identity) FROM analytics_view"
        " WHERE session_id = %s AND has_begun",
        session["id"],
    )
    assert (views, identities) == (_VIEWERS, 2)
    for total in ("streams_session WHERE id", "analytics_sessionfigures WHERE session_id"):
        assert _ask(database, f"SELECT viewer_ms FROM {total} = %s", session["id"]) == (viewer_ms,)  # noqa: S608
    # In all, and by each kind of part: all say the same.
    by_day = "SELECT kind, sum(viewer_ms)::int, sum(views)::int FROM analytics_day WHERE session_id = %s GROUP BY kind"
    found = {str(kind): sums for kind, *sums in database.execute(by_day, [session["id"]])}
    assert found == {kind: [viewer_ms, _VIEWERS] for kind in ("all", "country", "device", "rendition")}
    assert stream.sessions()[0]["viewer_seconds"] == viewer_ms // 1000
    # Nobody is kept whose address could be read.
    assert not [path for path in log.parent.glob("media.log.*") if path.stat().st_size == 0]


def test_what_players_report_stands_beside_their_views(
    stack: RunningStack, stream: Stream, database: "psycopg.Connection[tuple[int, ...]]"
) -> None:
    with publishing(stream.publish_url):
        stream.await_status("LIVE")
        stream.newest_segment()
        playlist = next(iter(stream.playlists()))
        viewer, silent, gone, liar = (Player(playlist) for _ in range(4))
        viewer.report("e=ps,sta=s,sn=0")
        for player in (viewer, silent):
            player.fetch()
        viewer.report("e=ps,sta=p,sn=1,msd=640,com.livehub-wt=0")
        viewer.report(
            "e=t,sta=r,sn=2,com.livehub-wt=3000,bsa=(1),bsda=(0),ltc=2200", "e=t,sta=p,sn=3,bsda=(700),bsa=(1)"
        )
        gone.report("e=ps,sta=s,sn=0", "e=ps,sta=q,sn=1")
        liar.report("e=ps,sta=p,sn=0,com.livehub-wt=-1")
        session = stream.sessions()[0]["id"]
        reported = (
            "SELECT count(*)::int, count(*) FILTER (WHERE has_begun)::int, max(startup_ms), sum(played_ms)::int,"
            " sum(stalled_ms)::int, max(latency_ms), count(*) FILTER (WHERE exited_before_start)::int"
            " FROM analytics_view WHERE session_id = %s AND failed IS NOT NULL"
        )
        wait_until(
            lambda: _ask(database, reported, session) == (2, 1, 640, 3000, 700, 2200, 1), what="what was reported"
        )

    views = "SELECT count(*)::int FROM analytics_view WHERE session_id = %s AND has_begun"
    assert _ask(database, views, session) == (2,)


@pytest.mark.chaos
def test_deaths_of_the_collector_and_of_the_database_lose_nothing(
    stack: RunningStack, stream: Stream, database: "psycopg.Connection[tuple[int, ...]]"
) -> None:
    log, random = stack.runtime_dir / "media.log", Random(60)  # noqa: S311  # The same each time.
    argv = psutil.Process(stack.pids()["collector"]).cmdline()
    before = _read_lines(database)
    with publishing(stream.publish_url), ThreadPoolExecutor(8) as pool, _without_its_own_collector(stack):
        stream.await_status("LIVE")
        stream.newest_segment()
        playlist = next(iter(stream.playlists()))
        everybody = [Player(playlist) for _ in range(_VIEWERS)]
        for death in range(_DEATHS):
            with subprocess.Popen(argv, cwd=BASE_DIR, env=stack.environment) as collector:
                list(pool.map(Player.fetch, everybody))
                if death % 4 == 0:
                    log.rename(log.with_name(f"media.log.{death + 1:06}"))
                if death in {4, 8}:
                    os.kill(stack.pids()["postgres"], signal.SIGKILL)
                time.sleep(random.uniform(0.5, 4.0))
                collector.kill()
    wait_until(lambda: _answers(stack), what="the database")
    fetched = sum(player.fetched for player in everybody)
    assert fetched > _DEATHS * _VIEWERS // 4
    with _connected(stack) as again:
        wait_until(lambda: _read_lines(again) - before >= fetched, what="all lines")
        assert _read_lines(again) - before == fetched
        session = stream.sessions()[0]["id"]
        totals = [
            _ask(again, f"SELECT sum({what})::bigint FROM {table} session_id = %s", session)  # noqa: S608
            for what, table in (
                ("viewer_ms", "analytics_minute WHERE"),
                ("viewer_ms", "analytics_day WHERE kind = 'all' AND"),
                ("viewer_ms", "analytics_sessionfigures WHERE"),
                ("CASE WHEN has_begun THEN watched_ms ELSE 0 END", "analytics_view WHERE"),
            )
        ]
        assert len(set(totals)) == 1
        assert _ask(again, "SELECT count(*) FROM analytics_view WHERE session_id = %s AND has_begun", session) == (
            _VIEWERS,
        )


@contextmanager
def _without_its_own_collector(stack: RunningStack) -> Iterator[None]:
    """Have the supervisor run none for as long as the block lasts."""
    transport = SupervisorTransport(None, None, serverurl=f"unix://{stack.runtime_dir}/supervisor.sock")
    supervisor = ServerProxy("http://localhost", transport=transport).supervisor
    supervisor.stopProcess("front:collector")
    try:
        yield
    finally:
        supervisor.startProcess("front:collector", False)


def _connected(stack: RunningStack) -> "psycopg.Connection[tuple[int, ...]]":
    socket = str(stack.runtime_dir / "postgres")
    return psycopg.connect(host=socket, user="livehub", dbname="livehub", autocommit=True)


def _answers(stack: RunningStack) -> bool:
    try:
        with _connected(stack) as connection:
            return _ask(connection, "SELECT 1") == (1,)
    except psycopg.OperationalError:
        return False
