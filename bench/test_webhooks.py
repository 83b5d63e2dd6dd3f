"""How many deliveries a second, and how soon: with producer, PostgreSQL, Redis and receivers on this machine."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from uuid import UUID

import psutil
import pytest
from django.db import connection
from pytest_django import Settings

from livehub.core.postgresql import bounds
from streams.organizations.services import NewOrganization, create_organization
from tests.services import wait_until
from tests.stack.whole import free_ports
from tests.webhooks.deliveries import happen, listen
from webhooks.models import Endpoint

pytestmark = [pytest.mark.bench, pytest.mark.django_db(transaction=True)]

_PER_S, _P50_MS, _P99_MS = 1_800, 10, 40
_OLD = 5_000_000
_MAKE_OLD = """
WITH event AS (
    INSERT INTO webhooks_event (app_id, type, names, subject_type, subject_id, sequence, at, facts)
    SELECT %(app_id)s, 'livestream.live', '{livestream.live}', 'livestream', gen_random_uuid(), 1, now(), '{}'
    FROM generate_series(1, %(count)s) RETURNING id, subject_id
)
INSERT INTO webhooks_delivery (
    endpoint_id, event_id, name, subject_id, sequence, state, attempts, tries, due_at, last_error, created_at,
    finished_at
)
SELECT %(endpoint_id)s, id, 'livestream.live', subject_id, 1, 'delivered', 1, 1, now(), '', now(), now()
FROM event
"""


@dataclass
class Round:
    """What came of a round."""

    per_s: float
    delays_ms: list[float]
    # Of the worker, for each delivery: what it costs also where others have the machine.
    cpu_ms: float

    @property
    def p50_ms(self) -> float:
        return median(self.delays_ms)

    @property
    def p99_ms(self) -> float:
        return quantiles(self.delays_ms, n=100)[98]

    def __str__(self) -> str:
        delay = f"commit to receipt p50 {self.p50_ms:.1f} ms, p99 {self.p99_ms:.1f} ms"
        return f"{self.per_s:.0f} deliveries/s, {delay}, worker {self.cpu_ms:.2f} ms of CPU each"


class Post:
    """A worker, a beat, receivers and endpoints; rounds of events."""

    def __init__(self, folder: Path, home: NewOrganization, *, count: int, hanging: int = 0) -> None:
        self.folder, self.home, self.count, self.hanging = folder, home, count, hanging
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "livehub.settings",
            "DATABASE_URL": os.environ["DATABASE_URL"].removesuffix("/livehub")
            + f"/{connection.settings_dict['NAME']}",
            "LIVEHUB_OUTGOING_ALLOWED_NETWORKS": "127.0.0.0/8",
            "LIVEHUB_LOG_LEVEL": "WARNING",
        }

    @contextmanager
    def open(self) -> Iterator["Post"]:
        ports = free_ports(self.count + self.hanging)
        self.received = self.folder / "received"
        names = [str(port) for port in ports[: self.count]] + [str(-port) for port in ports[self.count :]]
        with ExitStack() as stack:
            stack.enter_context(self._run("bench.webhook_receivers", str(self.received), *names))
            worker = ["webhooks", "--queues", "webhooks", "--pool", "threads", "--slots", "3"]
            stack.enter_context(self._run("livehub.worker", *worker))
            for port in ports:
                listen(self.home.app, f"http://127.0.0.1:{port}/", name=str(port))
            # Until the worker is there.
            happen(self.home.app, note="first")
            wait_until(lambda: self._count() >= self.count, timeout_s=60, what="the worker")
            yield self

    @contextmanager
    def _run(self, *arguments: str) -> Iterator[None]:
        log = self.folder / f"{arguments[0]}.log"
        with log.open("wb") as output:
            argv = [sys.executable, "-m", *arguments]
            process = subprocess.Popen(argv, env=self.environment, stdout=output, stderr=output)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()

    def round(self, count: int, *, per_s: int = 0) -> Round:
        """Have so many things happen, and return how soon all endpoints that answer were told."""
        before, cpu_s = len(self._receipts()), self._cpu_s()
        committed = self.folder / "committed"
        arguments = [str(committed), str(self.home.app.pk), str(count), str(per_s)]
        with self._run("bench.webhook_producer", *arguments):
            wanted = before + count * self.count
            wait_until(lambda: self._count() >= wanted, timeout_s=120, what=f"{wanted} deliveries")
        commits = {name: float(at_s) for at_s, name in map(str.split, committed.read_text().splitlines())}
        receipts = self._receipts()[before:]
        delays = [(at_s - commits[name]) * 1000 for at_s, name in receipts]
        took_s = max(at_s for at_s, _ in receipts) - min(commits.values())
        cpu_ms = (self._cpu_s() - cpu_s) * 1000 / len(receipts)
        return Round(len(receipts) / took_s, delays, cpu_ms)

    @property
    def worker(self) -> psutil.Process:
        return next(one for one in psutil.Process().children() if "livehub.worker" in one.cmdline())

    def _cpu_s(self) -> float:
        times = self.worker.cpu_times()
        return float(times.user + times.system)

    def _count(self) -> int:
        """Return how many receipts there are, at next to no cost beside what is measured."""
        return self.received.read_bytes().count(b"\n") if self.received.exists() else 0

    def _receipts(self) -> list[tuple[float, str]]:
        if not self.received.exists():
            return []
        lines = [line.split() for line in self.received.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [(float(line[0]), line[1]) for line in lines]


@pytest.fixture
def home() -> NewOrganization:
    return create_organization(name="Northwind Events", email="owner@northwind.example", password="correct horse")  # noqa: S106


@pytest.fixture(autouse=True)
def loopback_allowed(settings: Settings) -> None:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]


def test_deliveries_a_second(home: NewOrganization, tmp_path: Path) -> None:
    with Post(tmp_path, home, count=3).open() as post:
        post.round(300)
        found = post.round(4000)

    print(f"\nas fast as it can: {found}")
    assert found.per_s >= _PER_S


def test_soon(home: NewOrganization, tmp_path: Path) -> None:
    with Post(tmp_path, home, count=3).open() as post:
        post.round(100, per_s=50)
        found = post.round(1000, per_s=50)

        memory_mb = post.worker.memory_full_info().pss / 1e6

    print(f"\n50 events/s for 3 endpoints: {found}; the worker holds {memory_mb:.0f} MB")
    assert found.p50_ms <= _P50_MS
    assert found.p99_ms <= _P99_MS


def test_an_endpoint_that_hangs_slows_no_other(home: NewOrganization, tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    (tmp_path / "beside").mkdir()
    with Post(tmp_path / "alone", home, count=3).open() as post:
        post.round(100, per_s=50)
        alone = post.round(1000, per_s=50)
    Endpoint.objects.all().delete()
    with Post(tmp_path / "beside", home, count=3, hanging=1).open() as post:
        post.round(100, per_s=50)
        beside = post.round(1000, per_s=50)

    print(f"\nalone: {alone}\nbeside one that hangs: {beside}")
    assert beside.p99_ms <= 1.2 * alone.p99_ms + 1


def test_old_deliveries_slow_nothing(home: NewOrganization, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    with Post(tmp_path / "empty", home, count=3).open() as post:
        post.round(300)
        empty = post.round(2000)
    Endpoint.objects.exclude(pk=Endpoint.objects.order_by("pk").values("pk")[:1]).delete()
    began_s = time.monotonic()
    _age(Endpoint.objects.get())
    print(f"\n{_OLD:,} rows made in {time.monotonic() - began_s:.0f} s")
    with Post(tmp_path / "full", home, count=3).open() as post:
        post.round(300)
        full = post.round(2000)
    _without_bounds("TRUNCATE webhooks_attempt, webhooks_delivery, webhooks_event")

    print(f"empty: {empty}\nfull: {full}")
    assert full.per_s >= 0.9 * empty.per_s


def _age(endpoint: Endpoint) -> None:
    """Let an endpoint have been told of much, long ago."""
    _without_bounds(_MAKE_OLD, {"app_id": endpoint.app_id, "endpoint_id": endpoint.pk, "count": _OLD})
    _without_bounds("ANALYZE webhooks_event, webhooks_delivery")
    endpoint.enabled = False
    endpoint.save()


def _without_bounds(statement: str, values: Mapping[str, int | UUID] | None = None) -> None:
    connection.close()
    with bounds.lifted():
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
        connection.close()
