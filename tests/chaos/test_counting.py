"""Every line that the edge has written is counted once, whatever dies, hangs or is renamed meanwhile."""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from django.db import connection
from django.db.models import Sum

from analytics.models import Day, DayKind, LogCursor, Minute, SessionFigures, View
from streams.livestreams.storage import folder_name
from streams.models import Livestream, Session
from tests.analytics.counted_edges import CountedEdge, counted_edge
from tests.services import wait_until

pytestmark = [pytest.mark.chaos, pytest.mark.django_db(transaction=True)]

# As many as may come from one address at once.
_VIEWERS = 100
_DEATHS = 60
_HANGS_S = 30
# What nginx keeps for itself before it writes; a line of these viewers is not shorter.
_BUFFER, _SHORTEST_LINE = 64 << 10, 250
# Of a small disk, and what is left of it when it is nearly full.
_DISK, _LEFT = 64 << 20, 100_000


@pytest.fixture
def edge(tmp_path: Path, livestream: Livestream) -> Iterator[CountedEdge]:
    session = Session.objects.create(livestream=livestream)
    with counted_edge(tmp_path, session=folder_name(session.pk)) as running:
        yield running


def _await_all(edge: CountedEdge) -> int:
    """Return how many lines there were, when as many are written down."""
    wait_until(lambda: edge.count_read() >= edge.count_delivered(), timeout_s=180, what="all lines")
    return edge.count_delivered()


def _check_sums() -> None:
    """Each table says the same of how long was watched, and of how many views."""
    begun = View.objects.filter(has_begun=True)
    watched_ms = begun.aggregate(sum=Sum("watched_ms"))["sum"]
    for rows in (Minute.objects, Day.objects.filter(kind=DayKind.ALL), SessionFigures.objects):
        assert rows.aggregate(ms=Sum("viewer_ms"), views=Sum("views")) == {
            "ms": watched_ms,
            "views": begun.count(),
        }
    assert Session.objects.get().viewer_ms == watched_ms
    assert begun.values("viewer").distinct().count() == begun.count() == _VIEWERS


def test_sixty_deaths_of_the_collector(edge: CountedEdge) -> None:
    random, renamed = Random(60), set()  # noqa: S311  # The same each time.
    with edge.crowd(viewers=_VIEWERS):
        for death in range(_DEATHS):
            with edge.collector() as collector:
                time.sleep(random.uniform(0, 2.5))
                if death % 10 == 5:
                    _end_all_connections()
                    time.sleep(1)
                collector.kill()
            renamed |= {path.name for path in edge.instance.runtime_dir.glob("media.log.*")}
    with edge.collector():
        lines = _await_all(edge)
        _settle(edge)
        read = edge.count_read()
    print(
        f"\nafter {_DEATHS} deaths of the collector: {max(0, lines - read)} lines lost, {max(0, read - lines)} counted"
        f" twice (wanted 0, 0) of {lines:,}; {len(renamed)} files that a death found renamed"
    )
    assert read == lines
    assert lines > 1000 * _DEATHS
    assert renamed
    _check_sums()


def _end_all_connections() -> None:
    """Have PostgreSQL end all but ours, in the middle of whatever they do."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_collector_that_hangs_counts_on_or_is_replaced(edge: CountedEdge) -> None:
    with edge.crowd(viewers=_VIEWERS), edge.collector("first") as first:
        wait_until(edge.count_read, what="the first lines")
        first.send_signal(signal.SIGSTOP)
        # What it had sent by then may be written a moment later.
        time.sleep(1)
        stood_at = edge.count_read()
        time.sleep(_HANGS_S)
        assert edge.count_read() == stood_at
        first.send_signal(signal.SIGCONT)
        wait_until(lambda: edge.count_read() > stood_at, what="more lines")

        first.send_signal(signal.SIGSTOP)
        time.sleep(3)
        with edge.collector("second"):
            behind = edge.count_delivered()
            wait_until(lambda: edge.count_read() >= behind, what="the second one")
            # What the first one has in hand was counted by the second: it is refused, whole.
            first.send_signal(signal.SIGCONT)
            refused = edge.folder / "first.log"
            wait_until(lambda: "begins anew" in refused.read_text(), what="the first one's end")
            first.kill()
    with edge.collector("third"):
        lines = _await_all(edge)
        assert edge.count_read() == lines
    _check_sums()


def test_dying_workers_of_nginx_take_their_buffers_with_them_and_nothing_else(edge: CountedEdge) -> None:
    deaths = 10
    with edge.collector(), edge.crowd(viewers=_VIEWERS):
        for _ in range(deaths):
            time.sleep(2)
            worker = next(iter(edge.nginx.children()))
            worker.kill()
            wait_until(lambda worker=worker: not worker.is_running() and edge.nginx.children(), what="another worker")  # type: ignore[misc]
    with edge.collector("again"):
        wait_until(lambda: edge.count_read() >= edge.count_delivered() - deaths * _BUFFER // _SHORTEST_LINE, what="all")
        _settle(edge)
        lost = edge.count_delivered() - edge.count_read()
    most = deaths * _BUFFER // _SHORTEST_LINE
    print(f"\nlost with {deaths} workers of nginx: {lost} lines (wanted <= {most}) of {edge.count_delivered():,}")
    assert 0 <= lost <= most
    _check_sums()


def _settle(edge: CountedEdge) -> None:
    """Wait until nothing more is read: what nginx keeps is written after a second."""
    before = -1
    while before != (before := edge.count_read()):
        time.sleep(4)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder for the programs' files at runtime that can be filled."""
    folder = tmp_path / "var" / "run"
    folder.mkdir(parents=True, mode=0o700)
    mounting = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={_DISK},mode=0700", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounting.returncode:
        pytest.skip(f"A disk can only be mounted by root: {mounting.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_costs_lines_and_no_playback(small_disk: Path, edge: CountedEdge) -> None:
    assert edge.instance.runtime_dir == small_disk
    filler = small_disk / "filler"
    with edge.collector():
        free = shutil.disk_usage(small_disk).free - _LEFT
        filler.write_bytes(b"x" * free)
        # Each was answered, whatever became of its line.
        assert edge.fetch(viewers=_VIEWERS, seconds=10) > _LEFT // _SHORTEST_LINE
        _settle(edge)
        assert 0 < edge.count_read() < edge.count_delivered()

        filler.unlink()
        # What was torn ends with the first lines after it.
        edge.fetch(viewers=_VIEWERS, seconds=1)
        _settle(edge)
        delivered, read = edge.count_delivered(), edge.count_read()
        edge.fetch(viewers=_VIEWERS, seconds=5)
        _settle(edge)
    assert edge.count_read() - read == edge.count_delivered() - delivered > 0
    cursor = LogCursor.objects.get()
    assert set(cursor.rejected) <= {"torn"}
