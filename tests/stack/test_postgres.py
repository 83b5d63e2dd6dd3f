"""The lock file of a PostgreSQL that was killed."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from livehub.stack.postgres import forget_killed_server
from tests.stack.users import NOBODY, ordinary_user


@pytest.fixture
def lock() -> Iterator[Path]:
    # Not pytest's own folder, which no other user may enter.
    with tempfile.TemporaryDirectory(prefix="lh-test-") as folder:
        yield Path(folder) / "postmaster.pid"


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


def test_is_removed_when_another_user_has_got_its_number(lock: Path) -> None:
    lock.write_text("1\n")
    for path in (lock, lock.parent):
        os.chown(path, NOBODY if os.geteuid() == 0 else -1, -1)

    with ordinary_user():
        forget_killed_server(cluster_dir=lock.parent)

    assert not lock.exists()
