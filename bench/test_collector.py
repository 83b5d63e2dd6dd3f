"""Figures of counting viewers: lines a second, memory, and bytes of a row.

`make bench`, or `python -m pytest -m bench -s bench/test_collector.py`.
"""

import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from uuid import UUID

import psutil
import pytest
from django.db import connection

from analytics import batches
from analytics.counting.batch import Position
from analytics.counting.counter import ViewCounter
from analytics.counting.identity import Salts
from analytics.counting.media import Extent, MediumAddress
from analytics.models import View
from analytics.partitions import make_partitions
from bench.test_origin import doors, instance, packager
from livehub.stack.instance import Instance
from streams.livestreams.services import create_livestream
from streams.models import Session
from streams.organizations.services import SYSTEM, create_organization
from tests.analytics.crowds import BEGAN_S, PARTS, SESSION, line, media_length_us
from tests.media.packagers import SESSION as SESSION_FOLDER
from tests.media.packagers import Packager
from tests.services import wait_until

__all__ = ["doors", "instance", "packager"]
pytestmark = pytest.mark.bench

_LINES_PER_S_AT_LEAST = 400_000
_VIEWS = 5000
_MB_AT_MOST = 40
_BYTES_PER_VIEW = 1000
_CROWDS, _CROWD, _CROWD_SEGMENTS = 10, 2000, 10
_LOG_ROUNDS, _LOG_ROUND_S, _LOG_SHARE = 5, 4, 0.15
_AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"
_SALTS = Salts({int(BEGAN_S // 86400): b"salt"})
# As much of the log as is read at once.
_PIECE_LINES = 2500
# The real program: all that it loads, and what counting adds to that.
_MEMORY = f"""
import os, django, psutil
os.environ["DJANGO_SETTINGS_MODULE"] = "livehub.settings"
django.setup()
import analytics.collecting, analytics.database_books
from bench.test_collector import counted, minutes_of_lines
before = psutil.Process().memory_info().rss
counting = counted(minutes_of_lines({_VIEWS}, segments=15))
assert len(counting) == {_VIEWS}
counting.batch(edge="main", after=None, until=None)
print(before >> 20, psutil.Process().memory_info().rss - before >> 20)
"""


def _measure(address: MediumAddress) -> Extent:
    return Extent(media_length_us(address.msn, address.part), 6000)


def minutes_of_lines(viewers: int, *, segments: int, of_crowd: int = 0) -> Iterator[bytes]:
    """Yield what viewers at low latency make an edge write: picture and sound, in the order of time.

    After each `of_crowd` segments, if that is given, others come.
    """
    for msn in range(segments):
        first = msn // of_crowd * viewers if of_crowd else 0
        for part in range(PARTS):
            at_s = BEGAN_S + 2 * msn + part / 3
            for viewer in range(first, first + viewers):
                cmcd = f'cid="pb_bench",sid="{viewer:032x}",st=l'
                address = f"10.{viewer >> 8 & 255}.{viewer & 255}.7"
                for slot in ("v0", "a0"):
                    yield line(at_s, slot=slot, msn=msn, part=part, cmcd=cmcd, address=address)


def counted(lines: Iterator[bytes]) -> ViewCounter:
    """Return a counter that has counted these."""
    counting = ViewCounter(salts=_SALTS, measure=_measure, country_of=lambda _: None)
    while piece := list(islice(lines, _PIECE_LINES)):
        counting.feed(piece, now_ms=int(BEGAN_S + 120) * 1000)
    return counting


def test_lines_a_second() -> None:
    lines = list(minutes_of_lines(2000, segments=15))
    best = 0.0
    for _ in range(3):
        began = time.process_time()
        counting = counted(iter(lines))
        best = max(best, len(lines) / (time.process_time() - began))
        assert len(counting) == 2000
    print(
        f"\nlines a second of one core: {best:,.0f} (wanted >= {_LINES_PER_S_AT_LEAST:,}); {len(lines):,} lines of"
        " 2,000 viewers"
    )
    assert best >= _LINES_PER_S_AT_LEAST


def test_memory_at_many_views() -> None:
    done = subprocess.run([sys.executable, "-c", _MEMORY], capture_output=True, text=True, check=True)
    loaded, added = map(int, done.stdout.split())
    print(
        f"\nmemory of counting {_VIEWS:,} views, with their batch: {added} MB (wanted <= {_MB_AT_MOST}), beside"
        f" {loaded} MB of the program"
    )
    assert added <= _MB_AT_MOST


@pytest.fixture
def session(db: None) -> Session:
    home = create_organization(name="Bench", email="bench@bench.example", password="a bench's battery")  # noqa: S106
    livestream = create_livestream(app=home.app, name="Bench", actor=SYSTEM)
    return Session.objects.create(id=UUID(SESSION + SESSION), livestream=livestream)


@pytest.mark.django_db
def test_time_of_a_batch(session: Session) -> None:
    counting = counted(minutes_of_lines(_VIEWS, segments=2))
    position = batches.open_log("main").position
    took = []
    for offset in range(1, 4):
        until = Position("f" * 32, offset)
        began = time.monotonic()
        batches.write_batch(counting.batch(edge="main", after=position, until=until))
        took.append(time.monotonic() - began)
        position = until
    print(f"\na batch of {_VIEWS} views: {', '.join(f'{each:.2f}' for each in took)} s")
    assert View.objects.count() == _VIEWS


@pytest.mark.django_db(transaction=True)
def test_bytes_of_a_view(session: Session) -> None:
    """On a day on which viewers come and go: with indexes, and with what changing rows all the time leaves behind."""
    day = datetime.fromtimestamp(BEGAN_S, UTC).date()
    make_partitions([day])
    counting, position = ViewCounter(salts=_SALTS, measure=_measure, country_of=lambda _: None), Position()
    batches.open_log("main")
    lines = minutes_of_lines(_CROWD, segments=_CROWDS * _CROWD_SEGMENTS, of_crowd=_CROWD_SEGMENTS)
    for number in range(1, _CROWDS * _CROWD_SEGMENTS + 1):
        now_ms = int(BEGAN_S + 2 * number) * 1000
        counting.feed(islice(lines, _CROWD * PARTS * 2), now_ms=now_ms)
        if number % _CROWD_SEGMENTS == 0:
            counting.expire(now_ms + 3_600_000)
        until = Position("f" * 32, number)
        batches.write_batch(counting.batch(edge="main", after=position, until=until))
        counting.written()
        position = until
        if number % _CROWD_SEGMENTS == 0:
            with connection.cursor() as cursor:
                # As PostgreSQL does by itself when so much has changed.
                cursor.execute("VACUUM (ANALYZE) analytics_view")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_relation_size(day), pg_indexes_size(day), pg_total_relation_size(day)"
            " FROM to_regclass(%s) AS day",
            [f"analytics_view_{day:%Y%m%d}"],
        )
        table, indexes, total = cursor.fetchone()
    views = View.objects.filter(state=None, has_begun=True).count()
    print(
        f"\nbytes of a view: {total / views:.0f} (wanted <= {_BYTES_PER_VIEW}): {table / views:.0f} of its row,"
        f" {indexes / views:.0f} of indexes; {views:,} views, each written {_CROWD_SEGMENTS} times"
    )
    assert views == _CROWDS * _CROWD
    assert total / views <= _BYTES_PER_VIEW


def test_what_the_log_costs_nginx(instance: Instance, doors: dict[str, psutil.Process], packager: Packager) -> None:
    part = "v0/1-2.0.m4s"
    (packager.folder / part).write_bytes(b"m" * 6000)
    url = f"http://127.0.0.1:{instance.http_port}/playback/{SESSION_FOLDER}/{part}"
    with_log = instance.edge_config.read_text()
    without_log = re.sub(r"access_log [^;]*media\.log[^;]*;", "access_log off;", with_log)
    assert with_log != without_log
    costs_us: dict[str, list[float]] = {"with": [], "without": []}
    for _ in range(_LOG_ROUNDS):
        for name, config in (("with", with_log), ("without", without_log)):
            instance.edge_config.write_text(config)
            before = set(doors["edge"].children())
            doors["edge"].send_signal(signal.SIGHUP)
            wait_until(lambda before=before: not before & set(doors["edge"].children()), what="new workers")  # type: ignore[misc]
            costs_us[name].append(_cost_us(url, doors["edge"]))
            instance.media_log.unlink(missing_ok=True)
    share = statistics.median(costs_us["with"]) / statistics.median(costs_us["without"]) - 1
    shown = {name: ", ".join(f"{each:.1f}" for each in costs) for name, costs in costs_us.items()}
    print(
        f"\nthe log's share of nginx's CPU for 6 kB parts: {share:.1%} (wanted <= {_LOG_SHARE:.0%}); us a part: with it"
        f" {shown['with']}; without {shown['without']}"
    )
    assert share <= _LOG_SHARE


def _cost_us(url: str, edge: psutil.Process) -> float:
    headers = ["-H", f'CMCD-Session: cid="pb_bench",sf=h,sid="{"0" * 32}",st=l', "-H", f"User-Agent: {_AGENT}"]
    before = _cpu_s(edge)
    argv = ["wrk", "-t1", "-c32", f"-d{_LOG_ROUND_S}s", *headers, url]
    report = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout
    assert "Non-2xx" not in report, report
    found = re.search(r"(\d+) requests in", report)
    assert found is not None, report
    return (_cpu_s(edge) - before) / int(found[1]) * 1e6


def _cpu_s(process: psutil.Process) -> float:
    """Return what its workers have spent."""
    return sum(sum(child.cpu_times()[:2]) for child in process.children())
