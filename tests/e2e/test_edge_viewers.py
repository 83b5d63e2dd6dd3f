"""Who watches at an edge node is counted there, and written at the hub: once, and only with its token."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xmlrpc.client import ServerProxy

import psycopg
import pytest
from supervisor.xmlrpc import SupervisorTransport

from tests.conftest import EDGE_TOKEN
from tests.e2e.client import Stream
from tests.e2e.encoder import publishing
from tests.e2e.test_viewers import Player
from tests.services import HANG_S, wait_until
from tests.stack.test_nginx import accepts
from tests.stack.whole import RunningStack, leftovers, stack_environment, start

pytestmark = pytest.mark.e2e

_AWAY_S = 60


@dataclass(frozen=True)
class EdgeNode:
    """A running one. Its name is one of its own: the hub knows edges for good, and tests may be run again."""

    name: str
    url: str
    logs: Path
    output_path: Path

    def there(self, url: str) -> str:
        """Return the address here of what the hub plays."""
        return self.url + url[url.index("/playback/") :]


@contextmanager
def _edge_node(stack: RunningStack, folder: Path, **settings: str) -> Iterator[EdgeNode]:
    name = f"far-{time.time_ns():x}"
    environment = stack_environment(folder, LIVEHUB_ORIGIN_URL=stack.base_url, LIVEHUB_NODE=name, **settings)
    process, output_path = start(folder, environment)
    port = int(environment["LIVEHUB_HTTP_PORT"])
    try:
        wait_until(lambda: "This edge is ready" in output_path.read_text() or process.poll() is not None, what="it")
        assert process.poll() is None, output_path.read_text()
        wait_until(lambda: accepts(port), what="its port")
        yield EdgeNode(name, f"http://127.0.0.1:{port}", folder / "var" / "logs", output_path)
    finally:
        process.terminate()
        assert process.wait(timeout=HANG_S) == 0, output_path.read_text()
        wait_until(lambda: not leftovers(folder / "var"), what="programs to end")


@pytest.fixture
def node(stack: RunningStack, tmp_path: Path) -> Iterator[EdgeNode]:
    with _edge_node(stack, tmp_path, LIVEHUB_EDGE_TOKEN=EDGE_TOKEN) as running:
        yield running


@pytest.fixture
def database(stack: RunningStack) -> "Iterator[psycopg.Connection[tuple[int, ...]]]":
    socket = str(stack.runtime_dir / "postgres")
    with psycopg.connect(host=socket, user="livehub", dbname="livehub", autocommit=True) as connection:
        yield connection


def _lines_of(database: "psycopg.Connection[tuple[int, ...]]", node: EdgeNode) -> int:
    query = "SELECT coalesce(sum(lines), 0)::int FROM analytics_logcursor WHERE edge = %s AND rejected = '{}'"
    (found,) = database.execute(query, [node.name]).fetchone() or (0,)
    return found


def _fetch_another(stream: Stream, players: list[Player]) -> None:
    """Have them fetch what came since; at least one segment."""
    segment = stream.newest_segment()
    wait_until(lambda: stream.has_newer_than(segment), what="another segment")
    for player in players:
        player.fetch()


def test_who_watches_there_is_counted_once(
    stack: RunningStack, stream: Stream, node: EdgeNode, database: "psycopg.Connection[tuple[int, ...]]"
) -> None:
    with publishing(stream.publish_url):
        stream.await_status("LIVE")
        stream.newest_segment()
        playlist = next(iter(stream.playlists()))
        there = [Player(node.there(playlist)) for _ in range(3)]
        everybody = [*there, Player(playlist)]
        while min(player.fetched for player in everybody) < 3:
            _fetch_another(stream, everybody)
        fetched = sum(player.fetched for player in there)
        wait_until(lambda: _lines_of(database, node) >= fetched, what="all lines")
        session = stream.sessions()[0]["id"]
        counted = "SELECT edge, count(*) FROM analytics_view WHERE session_id = %s AND has_begun GROUP BY edge"
        wait_until(
            lambda: {str(name): n for name, n in database.execute(counted, [session])} == {node.name: 3, "main": 1},
            what="all views",
        )
    assert _lines_of(database, node) == fetched
    sums = "SELECT sum(watched_ms)::int FROM analytics_view WHERE session_id = %s AND has_begun"
    assert database.execute(sums, [session]).fetchone() == (
        *(database.execute("SELECT viewer_ms::int FROM streams_session WHERE id = %s", [session]).fetchone() or ()),
    )


@pytest.mark.chaos
def test_nothing_is_lost_while_the_hub_takes_nothing_in(
    stack: RunningStack, stream: Stream, node: EdgeNode, database: "psycopg.Connection[tuple[int, ...]]"
) -> None:
    with publishing(stream.publish_url):
        stream.await_status("LIVE")
        stream.newest_segment()
        playlist = node.there(next(iter(stream.playlists())))
        players = [Player(playlist) for _ in range(20)]
        _fetch_another(stream, players)
        with _without_its_web_program(stack):
            until = time.monotonic() + _AWAY_S
            while time.monotonic() < until:
                for player in players:
                    player.fetch()
                time.sleep(1)
        fetched = sum(player.fetched for player in players)
        wait_until(lambda: _lines_of(database, node) >= fetched, what="all lines")
    assert _lines_of(database, node) == fetched > _AWAY_S // 2 * len(players) // 2


@contextmanager
def _without_its_web_program(stack: RunningStack) -> Iterator[None]:
    transport = SupervisorTransport(None, None, serverurl=f"unix://{stack.runtime_dir}/supervisor.sock")
    supervisor = ServerProxy("http://localhost", transport=transport).supervisor
    supervisor.stopProcess("front:web")
    try:
        yield
    finally:
        supervisor.startProcess("front:web", False)


def test_without_a_token_it_says_that_nobody_is_counted(stack: RunningStack, tmp_path: Path) -> None:
    with _edge_node(stack, tmp_path) as node:
        said = "Nobody who watches here is counted: LIVEHUB_EDGE_TOKEN is not set."
        wait_until(lambda: said in node.output_path.read_text(), what="what it says")


def test_with_another_token_it_is_refused_and_says_so(
    stack: RunningStack, tmp_path: Path, database: "psycopg.Connection[tuple[int, ...]]"
) -> None:
    wrong = f"not {EDGE_TOKEN}"
    with _edge_node(stack, tmp_path, LIVEHUB_EDGE_TOKEN=wrong) as node:

        def logged() -> str:
            return "".join(path.read_text(errors="replace") for path in node.logs.rglob("*") if path.is_file())

        wait_until(lambda: "the hub answers 401" in logged(), what="what it says")
        assert wrong not in logged()
        assert wrong not in node.output_path.read_text()
    heard = "SELECT count(*) FROM analytics_logcursor WHERE edge = %s"
    assert database.execute(heard, [node.name]).fetchone() == (0,)
