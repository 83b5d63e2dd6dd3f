"""The two web programs as the supervisor runs them: what becomes of them when they are killed, or hang."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import psycopg
import pytest
from django.conf import settings
from django.db import connection

from livehub import web
from livehub.stack.folders import prepare_folders
from livehub.stack.instance import Instance
from livehub.stack.programs import Program, programs
from streams.livestreams.services import create_livestream
from streams.models import Livestream
from streams.organizations.services import SYSTEM, NewOrganization
from tests.plain_http import plain_client
from tests.services import HANG_S, running, wait_until
from tests.stack.instances import fresh_instance


@contextmanager
def started(program: Program, *, log_path: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """Run it on the tests' database, and wait until it answers."""
    (socket_path,) = program.sockets
    with running(program.command, log_path=log_path) as process:
        wait_until(lambda: process.poll() is not None or answers(socket_path), what=f"{program.name}")
        assert process.poll() is None, log_path.read_text()
        yield process


def answers(socket_path: Path) -> bool:
    try:
        return ask(socket_path, "/healthz").is_success
    except httpx.HTTPError:
        return False


def ask(socket_path: Path, path: str, *, timeout_s: float = HANG_S) -> httpx.Response:
    with plain_client(uds=socket_path, timeout=timeout_s) as client:
        return client.get(f"http://localhost{path}")


def children(pid: int) -> set[int]:
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def thread_states(pid: int) -> list[str]:
    """Return the kernel's letter for each thread; empty when the process is gone."""
    stats = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    return [stat.rpartition(")")[2].split()[0] for stat in stats]


def is_alive(pid: int) -> bool:
    try:
        return bool(set(thread_states(pid)) - {"Z"})
    except OSError:
        return False  # Gone while we looked.


@pytest.fixture(scope="module")
def on_test_database(django_db_setup: None) -> Iterator[None]:
    """Programs that are started find the tests' database, not the one it was made beside."""
    base, _, _ = settings.DATABASE_URL.rpartition("/")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", f"{base}/{connection.settings_dict['NAME']}")
        yield


@pytest.fixture
def program(instance: Instance, on_test_database: None) -> Callable[[str], Program]:
    prepare_folders(instance)
    found = {each.name: each for each in programs(instance)}
    return found.__getitem__


@contextmanager
def running_web(instance: Instance, *, log_path: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """Run the web program with all its workers."""
    found = next(each for each in programs(instance) if each.name == "web")
    with started(found, log_path=log_path) as process:
        wait_until(lambda: len(children(process.pid)) == web.WORKERS, what="its workers")
        yield process


@dataclass(frozen=True)
class Lasting:
    """A web program that several tests share, each of which leaves it running with all its workers."""

    socket_path: Path
    pid: int


@pytest.fixture(scope="class")
def lasting(tmp_path_factory: pytest.TempPathFactory, on_test_database: None) -> Iterator[Lasting]:
    folder = tmp_path_factory.mktemp("web")
    instance = fresh_instance(folder)
    prepare_folders(instance)
    with running_web(instance, log_path=folder / "web.log") as process:
        yield Lasting(instance.web_socket, process.pid)


@pytest.mark.django_db(transaction=True)
class TestWeb:
    def test_takes_any_path_and_lets_nobody_else_in(self, lasting: Lasting) -> None:
        paths = ("/v2/%E2%82%AC", "/v2/a%2Fb%20c", "/v2/%0a", "/v2/livestreams/%00")

        statuses = {path: ask(lasting.socket_path, path).status_code for path in paths}

        assert [path for path, status in statuses.items() if status not in {401, 404}] == []
        assert stat.S_IMODE(lasting.socket_path.stat().st_mode) == 0o600

    def test_replaces_a_worker_that_is_killed(self, lasting: Lasting) -> None:
        before = children(lasting.pid)

        os.kill(next(iter(before)), signal.SIGKILL)

        assert answers(lasting.socket_path)
        wait_until(
            lambda: len(children(lasting.pid) - before) == 1 and len(children(lasting.pid)) == web.WORKERS,
            what="another worker",
        )

    def test_goes_on_while_a_worker_hangs(self, lasting: Lasting) -> None:
        hanging = next(iter(children(lasting.pid)))
        os.kill(hanging, signal.SIGSTOP)
        # What it took until this moment hangs with it.
        wait_until(lambda: set(thread_states(hanging)) == {"T"}, what="the stop")

        with ThreadPoolExecutor(max_workers=8) as executor:
            assert all(executor.map(lambda _: answers(lasting.socket_path), range(80)))
        wait_until(
            lambda: hanging not in children(lasting.pid) and len(children(lasting.pid)) == web.WORKERS,
            what="another worker in its place",
        )
        assert answers(lasting.socket_path)

    def test_leaves_nobody_behind_when_it_is_killed_starts_again_and_stops_although_a_worker_hangs(
        self, instance: Instance, on_test_database: None, tmp_path: Path
    ) -> None:
        prepare_folders(instance)
        with running_web(instance, log_path=tmp_path / "web.log") as process:
            workers = children(process.pid)

            process.kill()
            process.wait(timeout=HANG_S)

            wait_until(lambda: not any(map(is_alive, workers)), what="its workers to end")

        with running_web(instance, log_path=tmp_path / "again.log") as process:
            workers = children(process.pid)
            os.kill(next(iter(workers)), signal.SIGSTOP)

            process.terminate()

            process.wait(timeout=9)  # After 10 s the supervisor kills.
            assert not any(map(is_alive, workers))


# One request stops its event loop for a while.
_BLOCKED_ASGI = """
import time
from livehub import asgi

async def application(scope, receive, send):
    if scope["type"] == "http" and scope["path"] == "/block":
        time.sleep(12)
    await asgi.application(scope, receive, send)
"""
# Answers a request, and has something left to send then.
_SENDER = """
import sys
import time
from pathlib import Path
from livehub import web
from livehub.core import deferred

def send():
    time.sleep(0.5)
    Path(sys.argv[2]).touch()

def application(environ, start_response):
    deferred.post(send, what="x")
    start_response("200 OK", [("Content-Length", "0")])
    return []

web.serve(Path(sys.argv[1]), load=lambda: application)
"""


def test_a_web_worker_that_is_told_to_end_sends_its_last_messages(tmp_path: Path) -> None:
    socket_path, sent = tmp_path / "web.sock", tmp_path / "sent"
    argv = [sys.executable, "-c", _SENDER, str(socket_path), str(sent)]
    with running(argv, log_path=tmp_path / "web.log") as process:
        wait_until(lambda: answers(socket_path), what="the web server")
        process.terminate()
        process.wait(timeout=9)

    assert sent.exists()


@pytest.mark.django_db(transaction=True)
class TestAsgi:
    def test_beats_from_its_event_loop(
        self, program: Callable[[str], Program], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        heartbeat, blocked = tmp_path / "heartbeat", tmp_path / "blocked_asgi.py"
        monkeypatch.setenv("LIVEHUB_HEARTBEAT", str(heartbeat))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        blocked.write_text(_BLOCKED_ASGI)
        asgi = program("asgi")
        argv = ["blocked_asgi:application" if each == "livehub.asgi:application" else each for each in asgi.argv]
        with started(replace(asgi, argv=argv), log_path=tmp_path / "asgi.log"):
            wait_until(lambda: time.time() - heartbeat.stat().st_mtime < 2, what="a heartbeat")

            with suppress(httpx.HTTPError):
                ask(asgi.sockets[0], "/block", timeout_s=1)

            wait_until(lambda: time.time() - heartbeat.stat().st_mtime > 5, what="silence")

    def test_a_hook_that_waits_for_a_row_keeps_no_other_waiting(
        self, program: Callable[[str], Program], instance: Instance, home: NewOrganization, tmp_path: Path
    ) -> None:
        locked, *others = [create_livestream(app=home.app, name=str(index), actor=SYSTEM) for index in range(9)]
        with (
            started(program("asgi"), log_path=tmp_path / "asgi.log"),
            locking(locked),
            ThreadPoolExecutor(max_workers=4) as executor,
        ):
            waiting = [executor.submit(publish, instance, locked) for _ in range(4)]
            time.sleep(0.5)  # They are in the database by now.

            assert [publish(instance, livestream) for livestream in others] == [302] * len(others)

            assert not any(future.done() and future.result() == 302 for future in waiting)


@contextmanager
def locking(livestream: Livestream) -> Iterator[None]:
    """Hold the livestream's row, as somebody else's hanging transaction would."""
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as holder:
        holder.execute("SELECT 1 FROM streams_livestream WHERE id = %s FOR UPDATE", [livestream.pk])
        yield


def publish(instance: Instance, livestream: Livestream) -> int:
    """Call the hook as nginx does, and return its status; 0 when it does not answer."""
    body = f"call=publish&name={livestream.stream_key}&clientid=1&addr=127.0.0.1".encode()
    head = (
        f"POST /internal/ingest/publish?token={settings.INGEST_HOOK_TOKEN} HTTP/1.0\r\nHost: localhost\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(5)
        caller.connect(str(instance.asgi_socket))
        caller.sendall(head.encode() + body)
        try:
            return int(caller.recv(4096).split()[1])
        except TimeoutError:
            return 0
