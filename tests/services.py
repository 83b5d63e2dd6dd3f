"""A PostgreSQL and a Redis of the test run's own: in a temporary folder, stopped by process id."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psycopg
import redis

from livehub.stack import postgres, roles
from livehub.stack import redis as embedded_redis

# As Django names it.
TEST_DATABASE = "test_livehub"
# Says where a cluster lies that is to be copied, with the product's database and the tests' in it, both migrated.
GIVEN_CLUSTER = "LIVEHUB_TEST_CLUSTER"
# How long is waited for what is bound to come: a bound on hanging, and no claim. What goes well takes a small part of
# it, be it on a slow machine that does four things at once. Who claims that something is quick says how quick.
HANG_S = 60
# How often is asked what is waited for: the longer it takes, the less often, since each question may cost a program
# under test more than the rest of the test does.
_ASKED_AFTER_S = 0.02
_ASKED_AFTER_AT_MOST_S = 0.2
_LATER_BY = 1.1


def wait_until(condition: Callable[[], object], *, timeout_s: float = HANG_S, what: str = "condition") -> None:
    """Return when the condition holds.

    :raises TimeoutError: when it does not within `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    pause_s = _ASKED_AFTER_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout_s} s")
        time.sleep(pause_s)
        pause_s = min(pause_s * _LATER_BY, _ASKED_AFTER_AT_MOST_S)


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
        sockets = stack.enter_context(_running_postgres(folder))
        redis_socket = folder / "redis.sock"
        stack.enter_context(
            running(embedded_redis.server_argv(socket_path=redis_socket), log_path=folder / "redis.log")
        )
        wait_until(redis_socket.exists, what="Redis")
        redis.Redis(unix_socket_path=str(redis_socket)).ping()
        yield {
            "LIVEHUB_DATA_DIR": str(folder / "var"),
            # Most broadcasts of tests are of no files; tests of recordings turn it on.
            "LIVEHUB_RECORD": "no",
            "DATABASE_URL": _database_url(sockets, "livehub"),
            "REDIS_URL": f"unix://{redis_socket}",
        }


@contextmanager
def migrated_cluster() -> Iterator[dict[str, str]]:
    """Yield the environment in which each process begins with a copy of one cluster: migrating takes 6 s of a core."""
    with tempfile.TemporaryDirectory(prefix="lh-test-") as name:
        folder = Path(name)
        data_dir = {"LIVEHUB_DATA_DIR": str(folder / "var")}
        with _running_product_postgres(folder) as sockets:
            subprocess.run(
                [sys.executable, "manage.py", "migrate", "--verbosity=0"],
                cwd=Path(__file__).resolve().parent.parent,
                env={**os.environ, **data_dir, "DATABASE_URL": _database_url(sockets, postgres.DATABASE)},
                check=True,
                timeout=HANG_S,
            )
            with _administrator(sockets) as connection:
                connection.execute(
                    f"CREATE DATABASE {TEST_DATABASE} TEMPLATE {postgres.DATABASE} OWNER {postgres.ROLE}"
                )
        yield {**data_dir, "LIVEHUB_RECORD": "no", GIVEN_CLUSTER: str(folder / "cluster")}


def copy_given_cluster(cluster: Path) -> None:
    """Begin with the cluster that the test run was given, if it was given one."""
    if given := os.environ.get(GIVEN_CLUSTER):
        subprocess.run(["cp", "--archive", given, str(cluster)], check=True, timeout=HANG_S)


@contextmanager
def _running_postgres(folder: Path) -> Iterator[Path]:
    """Yield the folder of its socket."""
    copy_given_cluster(folder / "cluster")
    with _running_product_postgres(folder) as sockets:
        # Tests have databases of their own, and empty them whatever refers to what; the product's role may do neither.
        with _administrator(sockets) as connection:
            connection.execute(f"ALTER ROLE {postgres.ROLE} CREATEDB")
            connection.execute(f"GRANT SET ON PARAMETER session_replication_role TO {postgres.ROLE}")
        yield sockets


@contextmanager
def _running_product_postgres(folder: Path) -> Iterator[Path]:
    cluster, sockets = folder / "cluster", folder / "pg"
    postgres.prepare(cluster_dir=cluster, socket_dir=sockets)
    argv = postgres.server_argv(cluster_dir=cluster, socket_dir=sockets)
    # SIGTERM would wait for clients; what a test run leaves behind is thrown away.
    with ExitStack() as stack:
        server = stack.enter_context(running([*argv, "-c", "fsync=off"], log_path=folder / "postgres.log"))
        stack.callback(lambda: os.kill(server.pid, 2))
        wait_until(lambda: _answers(sockets), what="PostgreSQL")
        roles.create_database(socket_dir=sockets)
        yield sockets


def _administrator(sockets: Path) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(host=str(sockets), user=postgres.ADMINISTRATOR, autocommit=True)


def _database_url(sockets: Path, database: str) -> str:
    return f"postgresql://livehub@{str(sockets).replace('/', '%2F')}/{database}"


def _answers(sockets: Path) -> bool:
    with (
        suppress(psycopg.OperationalError),
        psycopg.connect(host=str(sockets), user=postgres.ADMINISTRATOR),
    ):
        return True
    return False
