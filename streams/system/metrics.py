"""What Prometheus scrapes: read at that moment, of what all processes write down, in a few bounded questions."""

import logging
from collections.abc import Iterator, Mapping

import httpx
from django.conf import settings
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from livehub.core import clock
from livehub.core.deadline import deadline
from livehub.core.outage import DATABASE_OUTAGE, describe
from livehub.core.probes import OK
from livehub.core.sockets import ask
from livehub.health import ask_components
from livehub.metrics import HOOKS_PATH, exposed, for_scrapers
from streams.livestreams.models import Connection, Session
from streams.livestreams.selectors import NodeLoad, list_disks, list_loads
from streams.livestreams.states import SESSION_STATES, DiskLevel, EventKind, SessionStatus
from streams.system.components import AnsweringWorker, ask_workers
from streams.system.screen import count_trouble

logger = logging.getLogger(__name__)

# For all that the database is asked, and for the program that counts hooks.
_DATABASE_S = 3.0
_HOOKS_S = 1.0


@for_scrapers
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer with all figures; what cannot be read now is left out, and `livehub_component_up` says why."""
    registry = CollectorRegistry()
    registry.register(_Figures())
    return exposed(generate_latest(registry) + _figures_of_hooks())


def _figures_of_hooks() -> bytes:
    headers = {"Authorization": f"Bearer {settings.METRICS_TOKEN}"}
    try:
        answer = ask(settings.ASGI_SOCKET, HOOKS_PATH, timeout_s=_HOOKS_S, headers=headers)
    except httpx.HTTPError as error:
        logger.warning("hooks not counted: %s", type(error).__name__)
        return b""
    return answer.content if answer.is_success else b""


class _Figures(Collector):
    def collect(self) -> Iterator[Metric]:
        yield _gauge("component_up", "Whether a component answers.", "component", _ups(ask_components()))
        yield from _of_workers(ask_workers() or [])
        try:
            with deadline(_DATABASE_S):
                # All of it or nothing.
                found = [*_of_sessions(), *_of_runs(), *_of_media(), *_of_disks()]
        except DATABASE_OUTAGE as error:
            logger.warning("no figures of the database: %s", describe(error))
            return
        yield from found


def _ups(states: Mapping[str, str]) -> dict[str, float]:
    return {name: float(state == OK) for name, state in states.items()}


def _of_workers(workers: list[AnsweringWorker]) -> Iterator[Metric]:
    slots = GaugeMetricFamily("livehub_worker_slots", "What a worker can do at once.", labels=["kind", "node"])
    waiting: dict[str, float] = {}
    for worker in workers:
        slots.add_metric([worker.kind, worker.node], worker.slots)
        waiting |= {queue: float(count) for queue, count in worker.queues.items() if count is not None}
    yield slots
    yield _gauge("queue_messages", "Messages that no worker has taken yet.", "queue", waiting)


def _of_sessions() -> Iterator[Metric]:
    counted = dict(Session.objects.open().order_by().values_list("status").annotate(Count("id")))
    on_air = [status for status in SessionStatus if SESSION_STATES[status].is_on_air]
    yield _gauge(
        "sessions", "Open sessions.", "state", {status.value: float(counted.get(status, 0)) for status in on_air}
    )
    # Zeros as well, so that a graph does not begin with the first broadcast.
    loads = {settings.NODE: NodeLoad(settings.NODE)} | {load.node: load for load in list_loads()}
    now = clock.now()
    waits = {
        node: (now - load.waiting_since).total_seconds() if load.waiting_since else 0.0 for node, load in loads.items()
    }
    running = {node: float(load.running) for node, load in loads.items()}
    waiting = {node: float(load.waiting) for node, load in loads.items()}
    yield _gauge("sessions_running", "Sessions that a worker runs.", "node", running)
    yield _gauge("sessions_waiting", "Sessions that wait for a worker.", "node", waiting)
    yield _gauge("queue_wait_seconds", "For how long the first of these has waited.", "node", waits)


def _of_runs() -> Iterator[Metric]:
    counted = count_trouble()
    yield CounterMetricFamily(
        "livehub_takeovers", "Sessions that another worker took over.", value=counted[EventKind.RUN_LOST]
    )
    yield CounterMetricFamily(
        "livehub_failed_runs",
        "Runs of a session that failed, such as by ffmpeg's death; another follows.",
        value=counted[EventKind.RUN_FAILED],
    )


def _of_media() -> Iterator[Metric]:
    """Yield the worst of each node: one row for each broadcast is for the pages."""
    speeds: dict[str, float] = {}
    latencies: dict[str, float] = {}
    connections = Connection.objects.filter(disconnected_at=None, session__status=SessionStatus.LIVE)
    for node, measured in connections.values_list("node", "measured"):
        if (speed := measured.get("speed")) is not None:
            speeds[node] = min(speed, speeds.get(node, speed))
        if (latency_ms := measured.get("packager_latency_ms")) is not None:
            latencies[node] = max(latency_ms / 1000, latencies.get(node, 0.0))
    yield _gauge("transcoder_speed_ratio", "Media made per time, of the slowest live session.", "node", speeds)
    yield _gauge(
        "packager_latency_seconds", "Time until a picture can be fetched, of the slowest session.", "node", latencies
    )


def _of_disks() -> Iterator[Metric]:
    disks = list_disks()
    yield _gauge(
        "disk_size_bytes", "Size of the broadcasts' disk.", "node", {x.node: float(x.total_bytes) for x in disks}
    )
    yield _gauge("disk_free_bytes", "What is free of it.", "node", {x.node: float(x.free_bytes) for x in disks})
    yield _gauge(
        "disk_full",
        "Whether files of ended broadcasts go before their time.",
        "node",
        {x.node: float(x.level == DiskLevel.FULL) for x in disks},
    )
    yield _gauge(
        "disk_seen_timestamp_seconds",
        "When the node looked at it last.",
        "node",
        {x.node: x.seen_at.timestamp() for x in disks},
    )


def _gauge(name: str, about: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(f"livehub_{name}", about, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
