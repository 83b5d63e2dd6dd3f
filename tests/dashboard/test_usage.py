"""What programs take of the machine, with what they have started."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from streams.system.usage import UsageMeter
from tests.services import wait_until

_MB = 1 << 20
# Holds 64 MB, and works when it is told to.
_CHILD = """
import sys
held = bytearray(64 << 20)
print("ready", flush=True)
for _ in sys.stdin:
    sum(range(20_000_000))
    print("worked", flush=True)
"""
_PARENT = f"""
import subprocess, sys
raise SystemExit(subprocess.run([sys.executable, "-c", {_CHILD!r}]).returncode)
"""


@contextmanager
def _program() -> "Iterator[subprocess.Popen[str]]":
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", _PARENT], stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process


def test_is_that_of_all_that_a_program_has_started() -> None:
    with _program() as process:
        found = UsageMeter().read({"live": process.pid, "gone": 2**22 + 1})

        assert set(found) == {"live"}
        assert 64 * _MB <= found["live"].memory_bytes < 128 * _MB
        # Since its start: it has loaded Python twice.
        assert 0 < found["live"].cpu_percent <= 100 * (os.cpu_count() or 1)


def test_is_what_was_taken_since_the_last_look() -> None:
    with _program() as process:
        meter = UsageMeter()
        meter.read({"live": process.pid})

        def is_idle() -> bool:
            return meter.read({"live": process.pid})["live"].cpu_percent == 0

        wait_until(is_idle, what="nothing to be taken between two looks")
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("work\n")
        process.stdin.flush()
        assert process.stdout.readline() == "worked\n"
        assert meter.read({"live": process.pid})["live"].cpu_percent > 0
