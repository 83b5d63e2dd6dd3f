"""The lock file of a PostgreSQL that was killed."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from livehub.stack.postgres import forget_killed_server


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "postmaster.pid"


def test_is_removed_when_another_process_has_got_its_number(lock: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, cwd="/") as unrelated:
        lock.write_text(f"{unrelated.pid}\n{lock.parent}\n")
        forget_killed_server(cluster_dir=lock.parent)
        unrelated.kill()

    assert not lock.exists()


def test_stays_while_the_server_still_ends(lock: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, cwd=lock.parent) as server:
        lock.write_text(f"{server.pid}\n{lock.parent}\n")
        forget_killed_server(cluster_dir=lock.parent)
        server.kill()

    assert lock.exists()


@pytest.mark.parametrize("content", ["", "nonsense\n", "4194305\n"])
def test_is_removed_when_it_names_no_process(lock: Path, content: str) -> None:
    lock.write_text(content)

    forget_killed_server(cluster_dir=lock.parent)

    assert not lock.exists()


def test_is_removed_when_another_user_has_got_its_number(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> Path:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    # What an unprivileged user hears of another user's process; the tests may run as root, who may look at all.
    monkeypatch.setattr(Path, "readlink", refuse)
    lock.write_text("1\n")

    forget_killed_server(cluster_dir=lock.parent)

    assert not lock.exists()
