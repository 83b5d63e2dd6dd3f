"""The test run's own PostgreSQL and Redis, stopped in their tracks: they accept, and never answer."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import psycopg
import redis
from django.conf import settings
from django.db import connection
from psycopg import sql


@contextmanager
def hung_postgres() -> Iterator[None]:
    """Stop all of its processes for as long as the block lasts."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend: int = cursor.fetchone()[0]
    server = psutil.Process(backend).parent()
    assert server is not None
    assert server.name() == "postgres"
    with stopped([server, *server.children()]):
        yield


@contextmanager
def hung_redis() -> Iterator[None]:
    pid = redis.Redis.from_url(settings.REDIS_URL).info()["process_id"]
    with stopped([psutil.Process(pid)]):
        yield


@contextmanager
def stopped(processes: list[psutil.Process]) -> Iterator[None]:
    try:
        for process in processes:
            os.kill(process.pid, signal.SIGSTOP)
        yield
    finally:
        for process in processes:
            os.kill(process.pid, signal.SIGCONT)


@contextmanager
def locked_rows(table: str) -> Iterator[None]:
    """Let nobody else write a table's rows."""
    with somebody_else() as somebody, somebody.transaction():
        somebody.execute(sql.SQL("SELECT 1 FROM {} FOR UPDATE").format(sql.Identifier(table)))
        yield


def somebody_else() -> psycopg.Connection[tuple[object, ...]]:
    where = connection.settings_dict
    return psycopg.connect(dbname=where["NAME"], user=where["USER"], host=where["HOST"])


def timed(call: Callable[[], object]) -> float:
    """Return how many seconds a call takes."""
    started = time.monotonic()
    call()
    return time.monotonic() - started
