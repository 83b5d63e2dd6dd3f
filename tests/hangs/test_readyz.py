"""/readyz while what it asks about hangs."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import psutil
import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client

from tests.hangs.servers import hung_postgres, hung_redis, timed
from tests.services import HANG_S, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hung_ingest(settings: LazySettings, tmp_path: Path) -> Iterator[None]:
    """A socket that accepts and never answers."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "control.sock"))
        server.listen()
        settings.INGEST_CONTROL_SOCKET = tmp_path / "control.sock"
        yield


def test_is_answered_in_time_and_leaks_neither_threads_nor_connections(hung_ingest: None) -> None:
    components = Client().get("/readyz").json()["components"]
    threads, sockets = threading.active_count(), _sockets()

    with hung_postgres(), hung_redis():
        connection.close()
        answers = [_get() for _ in range(3)]
        together = [threading.Thread(target=_get) for _ in range(27)]
        for thread in together:
            thread.start()
        most = threading.active_count() - len(together) - threads
        for thread in together:
            thread.join(HANG_S)

    assert all(status == 503 and took_s < 5 for status, took_s in answers)
    assert most <= len(components), "more than one thread for a component"
    wait_until(lambda: threading.active_count() <= threads, what="the probes' threads end")
    wait_until(lambda: _sockets() <= sockets, what="their connections are closed")
    wait_until(lambda: {"database", "broker"}.isdisjoint(_missing()), what="both are found to answer again")


@pytest.mark.parametrize(("hung", "name"), [(hung_postgres, "database"), (hung_redis, "broker")])
def test_says_what_is_missing_within_its_bound(hung: Callable[[], AbstractContextManager[None]], name: str) -> None:
    wait_until(lambda: name not in _missing(), what="it answers")

    with hung():
        connection.close()
        wait_until(lambda: name in _missing(), what="the answer of before is no longer passed on")
        status, took_s = _get()

    assert status == 503
    assert took_s < 5
    wait_until(lambda: name not in _missing(), what="it answers again")


def _missing() -> list[str]:
    missing: list[str] = Client().get("/readyz").json()["missing"]
    return missing


def _get() -> tuple[int, float]:
    statuses = list[int]()
    took_s = timed(lambda: statuses.append(Client().get("/readyz").status_code))
    return statuses[0], took_s


def _sockets() -> int:
    """Return how many there are that are not the pool's, which opens more while all of them hang, and keeps some."""
    pooled: int = connection.pool.get_stats()["pool_size"]  # type: ignore[attr-defined]  # Of our own backend.
    return len(psutil.Process().net_connections(kind="all")) - pooled
