"""What a person sees who starts the product by hand."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest

from tests.services import wait_until
from tests.stack import whole

pytestmark = [pytest.mark.e2e, pytest.mark.chaos]

_START_TIMEOUT_S = 90
_STOP_TIMEOUT_S = 60


@contextmanager
def _terminal() -> Iterator[tuple[int, list[str]]]:
    """Yield a terminal to write to, and what it shows."""
    screen, line = pty.openpty()
    shown: list[str] = []

    def watch() -> None:
        with suppress(OSError):  # Nobody writes to it any more.
            while text := os.read(screen, 4096):
                shown.append(text.decode(errors="replace"))

    Thread(target=watch, daemon=True).start()
    try:
        yield line, shown
    finally:
        os.close(line)


def _start_and_stop(environment: dict[str, str]) -> str:
    """Run the product on a terminal until it is ready, and return what stood there."""
    with _terminal() as (line, shown):
        process = subprocess.Popen(
            [sys.executable, "manage.py", "run"],
            cwd=whole.BASE_DIR,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=line,
            stderr=line,
            process_group=0,
        )
        try:
            wait_until(
                lambda: "Ctrl-C stops everything" in "".join(shown) or process.poll() is not None,
                timeout_s=_START_TIMEOUT_S,
                what="the banner",
            )
        finally:
            process.terminate()
            process.wait(timeout=_STOP_TIMEOUT_S)
        return "".join(shown)


def test_the_password_is_shown_at_the_first_start_only(tmp_path: Path) -> None:
    environment = whole.stack_environment(tmp_path)

    first, second = _start_and_stop(environment), _start_and_stop(environment)

    credentials = json.loads((tmp_path / "var" / "credentials.json").read_text())
    assert credentials["password"] in first
    assert credentials["password"] not in second
    assert credentials["email"] in second
