"""Takes a recording on in processes that are killed at given moments: so many file operations from their beginning.

Statements of SQL count as well where that is asked for. Run by `python -m tests.recordings.killed` with one JSON object
on its standard input; prints the number of operations of each process, and how many parts it has begun to write, as
JSON lines. A moment of 0 kills nobody. `renderings` is how many files are made of it as well.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

# What changes files.
_OPERATIONS = frozenset({"os.link", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"})


class _Killer:
    """Counts what its process does to files of the recording."""

    def __init__(self, *, folder: str, moment: int, told: int) -> None:
        self._folder = folder
        self._moment = moment
        self._told = told
        self._count = 0

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _OPERATIONS or (event == "open" and _is_part(*arguments)):
            self._strike(event)

    def execute(self, execute: Callable[..., object], *arguments: object) -> object:
        """Count a statement as well; Django calls it in place of each."""
        self._strike("SQL")
        return execute(*arguments)

    def _strike(self, operation: str) -> None:
        self._count += 1
        os.write(self._told, f"{operation}\n".encode())
        if self._count == self._moment:
            os.kill(os.getpid(), signal.SIGKILL)


def _is_part(path: object, _mode: object, flags: int) -> bool:
    """Tell whether the folder store opens the growing file for a part; when it makes that file it asks for it."""
    is_written = flags & os.O_ACCMODE == os.O_WRONLY and not flags & os.O_CREAT
    return is_written and str(path).endswith(".part")


def _run(asked: dict[str, Any], *, moment: int, told: Path) -> None:
    descriptor = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    pid = os.fork()
    if not pid:
        from django.conf import settings
        from django.db import connection

        killer = _Killer(folder=asked["folder"], moment=moment, told=descriptor)
        sys.addaudithook(killer)
        if asked["counts_statements"]:
            connection.execute_wrappers.append(killer.execute)
        from streams.recordings.advancing import advance_recording, free_leases_of_this_node
        from streams.recordings.rendering import render_next

        # As the worker does that succeeds a killed one.
        free_leases_of_this_node()
        advance_recording(recording_id=UUID(asked["recording_id"]))
        for _ in range(asked["renderings"]):
            render_next(node=settings.NODE)
        os._exit(0)
    os.close(descriptor)
    os.waitpid(pid, 0)


def main() -> None:
    asked = json.load(sys.stdin)
    import django
    from django.conf import settings
    from django.db import connections

    django.setup()
    for name, value in asked["settings"].items():
        setattr(settings, name, Path(value) if isinstance(value, str) else value)
    connections["default"].settings_dict["NAME"] = asked["database"]
    for number, moment in enumerate(asked["moments"]):
        told = Path(asked["folder"]) / f"told-{number}"
        _run(asked, moment=moment, told=told)
        operations = told.read_text().splitlines()
        json.dump({"operations": len(operations), "sent": operations.count("open")}, sys.stdout)
        sys.stdout.write("\n")


if __name__ == "__main__":
    main()
