"""The embedded PostgreSQL: a private cluster that only listens on a Unix socket in a private folder."""

import os
import pwd
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psutil

# The application's own: it owns its database, and may do nothing beside it.
ROLE = DATABASE = "livehub"
# The cluster's: makes the application's role and database at the start, and is used for nothing else.
ADMINISTRATOR = "postgres"
_UNPRIVILEGED_USER = "postgres"
# Where the server finds its two folders: opened before it changes users. Below a home that only root may enter, it
# could not walk to them by name, and a capability for that would let it read every file of the machine.
_CLUSTER_FD, _SOCKET_FD = 8, 9


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
    """Return the command without capabilities, and as the user that PostgreSQL accepts: it refuses to run as root.

    It ends fast and clean with the process that started it: changing users takes off any leash that was put on before.
    """
    as_user = [f"--reuid={_UNPRIVILEGED_USER}", f"--regid={_UNPRIVILEGED_USER}", "--init-groups", "--bounding-set=-all"]
    return [
        "setpriv",
        # Only root may change users, or give up for good what nobody else has anyway.
        *(as_user if os.getuid() == 0 else []),
        "--inh-caps=-all",
        "--ambient-caps=-all",
        "--no-new-privs",
        "--pdeathsig=INT",
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
    result = subprocess.run(_initdb_argv(draft), capture_output=True, text=True, check=False)
    if result.returncode:
        raise PostgresError(f"initdb failed: {result.stderr.strip()[-500:]}")
    cluster_dir.rmdir()
    draft.rename(cluster_dir)


def server_argv(*, cluster_dir: Path, socket_dir: Path) -> list[str]:
    """Return the server's command line; it stays in the foreground, and SIGINT stops it fast and clean."""
    options = {
        "listen_addresses": "",
        "unix_socket_directories": f"/proc/self/fd/{_SOCKET_FD}",
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        "shared_buffers": "64MB",
        "log_min_messages": "warning",
        # Nothing subscribes to another server: one process less.
        "max_logical_replication_workers": "0",
    }
    flags = [flag for name, value in options.items() for flag in ("-c", f"{name}={value}")]
    argv = [str(binary("postgres")), "-D", f"/proc/self/fd/{_CLUSTER_FD}", *flags]
    return _with_folders({_CLUSTER_FD: cluster_dir, _SOCKET_FD: socket_dir}, unprivileged(argv))


def _initdb_argv(folder: Path) -> list[str]:
    argv = [
        *(str(binary("initdb")), "-D", f"/proc/self/fd/{_CLUSTER_FD}", "-U", ADMINISTRATOR),
        *("--auth=trust", "--encoding=UTF8", "--no-locale"),
    ]
    return _with_folders({_CLUSTER_FD: folder}, unprivileged(argv))


def _with_folders(folders: Mapping[int, Path], argv: list[str]) -> list[str]:
    """Return the command with each folder opened under its number."""
    opening = " ".join(f"{number}<{shlex.quote(str(folder))}" for number, folder in folders.items())
    return ["/bin/sh", "-c", f'exec {opening}; exec "$@"', "sh", *argv]


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


def _give_away(folder: Path) -> None:
    if os.getuid() == 0:
        account = pwd.getpwnam(_UNPRIVILEGED_USER)
        os.chown(folder, account.pw_uid, account.pw_gid)
