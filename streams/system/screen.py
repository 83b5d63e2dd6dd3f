"""What the system page shows."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count

from livehub.core import clock
from streams.livestreams.models import NodeDisk, Session, SessionEvent
from streams.livestreams.selectors import NodeLoad, list_disks, list_loads, list_reduced, list_waiting
from streams.livestreams.states import EventKind
from streams.self_tests.models import SelfTest
from streams.self_tests.selectors import find_newest
from streams.self_tests.services import end_abandoned
from streams.system.components import AnsweringWorker, Component, Parts, look_at_parts
from streams.system.edges import EdgeRow, look_at_edges
from streams.system.usage import MachineLoad, ProgramUsage, machine_load

_LATELY = timedelta(hours=24)
_KINDS = ("live", "urgent", "webhooks", "files", "recordings")


@dataclass(frozen=True)
class WorkerRow:
    """A worker that answers, or one of this node that does not; `used` is None where nobody counts."""

    kind: str
    node: str
    worker: AnsweringWorker | None
    used: int | None
    # Of one on this machine.
    usage: ProgramUsage | None = None

    @property
    def name(self) -> str:
        return f"{self.kind}@{self.node}"

    @property
    def label(self) -> str:
        return "Runs" if self.worker else "No answer"

    @property
    def tone(self) -> str:
        return "live" if self.worker else "bad"


@dataclass(frozen=True)
class SystemScreen:
    """How the whole instance is."""

    components: list[Component]
    workers: list[WorkerRow]
    disks: list[NodeDisk]
    loads: list[NodeLoad]
    # Some of those that wait for a place, and that a busy machine makes fewer renditions of.
    waiting_sessions: list[Session]
    reduced_sessions: list[Session]
    # Of the last 24 hours.
    takeovers: int
    failed_runs: int
    edges: list[EdgeRow]
    machine: MachineLoad
    # The one that was started last.
    self_test: SelfTest | None = None

    @property
    def running(self) -> int:
        return sum(load.running for load in self.loads)

    @property
    def waiting(self) -> int:
        return sum(load.waiting for load in self.loads)

    @property
    def waiting_since(self) -> datetime | None:
        return min((load.waiting_since for load in self.loads if load.waiting_since), default=None)

    @property
    def slots(self) -> int:
        return sum(row.worker.slots for row in self.workers if row.worker and row.kind == "live")

    @property
    def missing(self) -> list[str]:
        """What does not do its work, by name."""
        parts: list[Component | WorkerRow] = [*self.components, *self.workers]
        return [part.name for part in parts if part.tone == "bad"]


def get_system_screen() -> SystemScreen:
    """Return what the system page shows, within some seconds, whatever hangs but the database."""
    parts = look_at_parts()
    edges = look_at_edges()
    loads = list_loads()
    lately = count_trouble(since=clock.now() - _LATELY)
    end_abandoned()
    return SystemScreen(
        [*parts.components, *edges.components],
        _worker_rows(parts, {load.node: load.running for load in loads}),
        list_disks(),
        loads,
        list_waiting(),
        list_reduced(),
        takeovers=lately[EventKind.RUN_LOST],
        failed_runs=lately[EventKind.RUN_FAILED],
        edges=edges.rows,
        machine=machine_load(),
        self_test=find_newest(),
    )


def count_trouble(*, since: datetime | None = None) -> dict[str, int]:
    """Return how often a worker was taken over from, and how often a run failed, by the kind of event.

    All of them are read in an index of their own, and no rows: they are few beside what else happens.
    """
    kinds = (EventKind.RUN_LOST, EventKind.RUN_FAILED)
    events = SessionEvent.objects.filter(kind__in=kinds)
    if since is not None:
        events = events.filter(at__gt=since)
    found = dict(events.order_by().values_list("kind").annotate(count=Count("*")))
    return {kind: found.get(kind, 0) for kind in kinds}


def _worker_rows(parts: Parts, running: dict[str, int]) -> list[WorkerRow]:
    """Return those that answer, and this node's that do not: those of other nodes nobody knows."""
    found = {(worker.kind, worker.node): worker for worker in parts.workers or []}
    wanted = {*found, *((kind, settings.NODE) for kind in _KINDS)}
    return [
        WorkerRow(
            kind,
            node,
            found.get((kind, node)),
            running.get(node, 0) if kind == "live" else None,
            parts.usages.get(kind) if node == settings.NODE else None,
        )
        for kind, node in sorted(wanted, key=lambda key: (key[1], _KINDS.index(key[0]) if key[0] in _KINDS else 9))
    ]
