"""What our programs count of their own work, for Prometheus.

Where the supervisor names a folder (`PROMETHEUS_MULTIPROC_DIR`), each process counts in files of its own there, and
who is scraped adds them up (`livehub.metrics`): one process alone would tell of its own share. Elsewhere, as in tests,
a process knows its own only. Labels have few values, which are ours: no ids, no names that users give.
"""

import os
import re
from pathlib import Path

_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
# Of the kinds that are counted here, each has a file.
KINDS = ("counter", "histogram")
# Of 200 B for each series; more than all of them need.
_FILE_BYTES = 256 * 1024
_PROCESS_FILE = re.compile(rf"({'|'.join(KINDS)})_(\d+)\.db")


def reserve(path: Path) -> None:
    """Make an empty file of counts with all its room.

    It is written as memory: where the disk is full, a first write to a page that has no room ends the process.

    :raises OSError: when there is no room.
    """
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, _FILE_BYTES)


def _reserve_own(folder: Path) -> None:
    for kind in KINDS:
        path = folder / f"{kind}_{os.getpid()}.db"
        # Nobody is to read half of one. There is one where a process before had the same id: that goes on.
        if not path.exists():
            draft = path.with_suffix(".new")
            reserve(draft)
            draft.rename(path)


def _open_folder() -> Path | None:
    folder = os.environ.get(_FOLDER_VARIABLE)
    if not folder:
        return None
    try:
        _reserve_own(Path(folder))
    except OSError:
        # Nothing to count in: work that is not counted is better than none. It has to be known before the import below.
        del os.environ[_FOLDER_VARIABLE]
        return None
    os.register_at_fork(after_in_child=lambda: _reserve_own(Path(folder)))
    return Path(folder)


# Where all processes' counts are; None where this one has its own only.
FOLDER = _open_folder()

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics  # noqa: E402

# A second series for each, which nobody needs.
disable_created_metrics()  # type: ignore[no-untyped-call]  # Theirs.
REGISTRY = CollectorRegistry()

# An encoder waits for the answer, and gets one within 1.2 s.
HOOK_DURATION = Histogram(
    "livehub_hook_duration_seconds",
    "Time to answer a hook of the ingest server.",
    ["hook"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5),
    registry=REGISTRY,
)
REQUEST_DURATION = Histogram(
    "livehub_http_request_duration_seconds",
    "Time in which the web program makes an answer.",
    ["surface", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
    registry=REGISTRY,
)
START_DURATION = Histogram(
    "livehub_broadcast_start_seconds",
    "From an encoder that was let in until viewers can watch, of broadcasts that went live.",
    buckets=(0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0, 20.0, 60.0),
    registry=REGISTRY,
)
TASKS = Counter("livehub_tasks", "Tasks that workers have ended.", ["task", "outcome"], registry=REGISTRY)
TASK_SECONDS = Counter("livehub_task_seconds", "Time that workers have spent on them.", ["task"], registry=REGISTRY)
ATTEMPT_DURATION = Histogram(
    "livehub_webhook_attempt_duration_seconds",
    "Time of a request with a delivery.",
    ["outcome"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0),
    registry=REGISTRY,
)
STORED_BYTES = Counter(
    "livehub_recording_stored_bytes", "What storages have taken of recordings.", ["storage"], registry=REGISTRY
)


def process_of(path: Path) -> int | None:
    """Return whose file of counts this is; None for any other file."""
    found = _PROCESS_FILE.fullmatch(path.name)
    return int(found[2]) if found else None
