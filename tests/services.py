"""A PostgreSQL and a Redis of the test run's own: in a temporary folder, stopped by process id."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psycopg
import redis

from livehub.stack import postgres, roles
from livehub.stack import redis as embedded_redis

# How long is waited for what is bound to come: a bound on hanging, and no claim. What goes well takes a small part of
# it, be it on a slow machine that does four things at once. Who claims that something is quick says how quick.
HANG_S = 60


def wait_until(condition: Callable[[], object], *, timeout_s: float = HANG_S, what: str = "condition") -> None:
    """Return when the condition holds.

    :raises TimeoutError: when it does not within `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout_s} s")
        time.sleep(0.02)


@contextmanager
def running(argv: list[str], *, log_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program for as long as the block lasts."""
    with (
        log_path.open("wb") as log,
        subprocess.Popen(argv, stdout=log, stderr=log, process_group=0) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(timeout=HANG_S)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def throwaway_services() -> Iterator[dict[str, str]]:
    """Yield the environment that points LiveHub at the two servers."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lh-test-")))
        sockets = folder / "pg"
        postgres.prepare(cluster_dir=folder / "cluster", socket_dir=sockets)
        argv = postgres.server_argv(cluster_dir=folder / "cluster", socket_dir=sockets)
        # SIGTERM would wait for clients; what a test run leaves behind is thrown away.
        server = stack.enter_context(running([*argv, "-c", "fsync=off"], log_path=folder / "postgres.log"))
        stack.callback(lambda: os.kill(server.pid, 2))
        wait_until(lambda: _answers(sockets), what="PostgreSQL")
        roles.create_database(socket_dir=sockets)
        # Tests have databases of their own, and empty them whatever refers to what; the product's role may do neither.
        with psycopg.connect(host=str(sockets), user=postgres.ADMINISTRATOR, autocommit=True) as connection:
            connection.execute(f"ALTER ROLE {postgres.ROLE} CREATEDB")
            connection.execute(f"GRANT SET ON PARAMETER session_replication_role TO {postgres.ROLE}")
        redis_socket = folder / "redis.sock"
        stack.enter_context(
            running(embedded_redis.server_argv(socket_path=redis_socket), log_path=folder / "redis.log")
        )
        wait_until(redis_socket.exists, what="Redis")
        redis.Redis(unix_socket_path=str(redis_socket)).ping()
        yield {
            "LIVEHUB_DATA_DIR": str(folder / "var"),
            "DATABASE_URL": f"postgresql://livehub@{str(sockets).replace('/', '%2F')}/livehub",
            "REDIS_URL": f"unix://{redis_socket}",
        }


def _answers(sockets: Path) -> bool:
    with (
        suppress(psycopg.OperationalError),
        psycopg.connect(host=str(sockets), user=postgres.ADMINISTRATOR),
    ):
        return True
    return False
