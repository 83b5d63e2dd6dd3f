"""The embedded PostgreSQL: a private cluster that only listens on a Unix socket in a private folder."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

import psutil

ROLE = DATABASE = "livehub"
_UNPRIVILEGED_USER = "postgres"


class PostgresError(Exception):
    """The embedded PostgreSQL cannot be made or started; the message says what to do."""


def binary(name: str) -> Path:
    """Return a server program of the newest installed PostgreSQL (Debian keeps them off PATH).

    :raises PostgresError: when there is none.
    """
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    on_path = shutil.which(name)
    if found:
        return found[-1]
    if on_path:
        return Path(on_path)
    raise PostgresError(f"PostgreSQL's {name} is not installed: apt-get install postgresql")


def unprivileged(argv: list[str]) -> list[str]:
    """Return the command as PostgreSQL will accept it: it refuses to run as root.

    The capability lets the other user walk through a root-only home directory to the data folder.
    """
    if os.getuid() != 0:
        return argv
    return [
        "setpriv",
        f"--reuid={_UNPRIVILEGED_USER}",
        f"--regid={_UNPRIVILEGED_USER}",
        "--init-groups",
        "--inh-caps=+dac_read_search",
        "--ambient-caps=+dac_read_search",
        "--",
        *argv,
    ]


def prepare(*, cluster_dir: Path, socket_dir: Path) -> None:
    """Make the cluster unless it is there; side effects: both folders, mode 0700, the server's own.

    Trust authentication is safe here: the socket's folder admits its owner and root only.

    :raises PostgresError: when initdb fails, with its last words.
    """
    for folder in (cluster_dir, socket_dir):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _give_away(folder)
    if (cluster_dir / "PG_VERSION").exists():
        return
    # Made beside and renamed, so that an interrupted first start leaves no half-made cluster behind.
    draft = cluster_dir.with_name(f"{cluster_dir.name}.draft")
    if draft.exists():
        shutil.rmtree(draft)
    draft.mkdir(mode=0o700)
    _give_away(draft)
    argv = [
        str(binary("initdb")),
        "-D",
        str(draft),
        "-U",
        ROLE,
        "--auth=trust",
        "--encoding=UTF8",
        "--no-locale",
    ]
    result = subprocess.run(unprivileged(argv), capture_output=True, text=True, check=False)
    if result.returncode:
        raise PostgresError(f"initdb failed: {result.stderr.strip()[-500:]}")
    cluster_dir.rmdir()
    draft.rename(cluster_dir)


def server_argv(*, cluster_dir: Path, socket_dir: Path) -> list[str]:
    """Return the server's command line; it stays in the foreground, and SIGINT stops it fast and clean."""
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(socket_dir),
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        "shared_buffers": "64MB",
        "log_min_messages": "warning",
        # Nothing subscribes to another server: one process less.
        "max_logical_replication_workers": "0",
    }
    flags = [flag for name, value in options.items() for flag in ("-c", f"{name}={value}")]
    return unprivileged([str(binary("postgres")), "-D", str(cluster_dir), *flags])


def forget_killed_server(*, cluster_dir: Path) -> None:
    """Remove the lock file of a server that is no more; call it only when no other run uses the cluster.

    PostgreSQL itself takes any living process of its user that has got the old number (in a container, soon one has)
    for the old server, and would never start again.
    """
    lock = cluster_dir / "postmaster.pid"
    if lock.exists() and not _is_server(lock.read_text().split("\n", 1)[0], cluster_dir=cluster_dir):
        lock.unlink()


def _is_server(pid: str, *, cluster_dir: Path) -> bool:
    try:
        return psutil.Process(int(pid)).cwd() == str(cluster_dir)
    except (ValueError, psutil.Error):
        # No number, no such process, or another user's, which we may not look at: our own server we always may.
        return False


def create_database(*, socket_dir: Path) -> None:
    """Create the database unless it is there.

    :raises psycopg.OperationalError: when the server does not answer.
    """
    import psycopg

    with psycopg.connect(host=str(socket_dir), user=ROLE, dbname="postgres", autocommit=True) as connection:
        row = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
        if row is None:
            connection.execute(f'CREATE DATABASE "{DATABASE}"')


def _give_away(folder: Path) -> None:
    if os.getuid() == 0:
        account = pwd.getpwnam(_UNPRIVILEGED_USER)
        os.chown(folder, account.pw_uid, account.pw_gid)
