"""What Prometheus is told of the rows of this app: read at that moment, in questions that do not grow with the rows."""

from collections.abc import Iterator

from django.conf import settings
from django.db.models import Count
from prometheus_client.core import Metric

from livehub.core import clock
from livehub.metrics import count_up, gauge
from streams.livestreams.health_states import FindingSeverity
from streams.livestreams.models import Connection, IngestFinding, Session
from streams.livestreams.selectors import NodeLoad, list_disks, list_loads
from streams.livestreams.states import SESSION_STATES, DiskLevel, EventKind, SessionStatus
from streams.media.doctor.kinds import FindingKind
from streams.recordings.models import Recording
from streams.recordings.states import UNFINISHED
from streams.self_tests.selectors import find_newest
from streams.self_tests.states import SelfTestState
from streams.system.screen import count_trouble


def find_figures() -> Iterator[Metric]:
    """Yield all of them."""
    yield from _of_sessions()
    yield from _of_runs()
    yield from _of_media()
    yield _of_findings()
    yield _of_recordings()
    yield from _of_disks()
    yield from _of_self_test()


def _of_sessions() -> Iterator[Metric]:
    counted = dict(Session.objects.open().order_by().values_list("status").annotate(Count("id")))
    on_air = [status for status in SessionStatus if SESSION_STATES[status].is_on_air]
    yield gauge(
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
    yield gauge("sessions_running", "Sessions that a worker runs.", "node", running)
    yield gauge("sessions_waiting", "Sessions that wait for a worker.", "node", waiting)
    yield gauge("queue_wait_seconds", "For how long the first of these has waited.", "node", waits)


def _of_runs() -> Iterator[Metric]:
    counted = count_trouble()
    yield count_up("takeovers", "Sessions that another worker took over.", "", {(): counted[EventKind.RUN_LOST]})
    yield count_up(
        "failed_runs",
        "Runs of a session that failed, such as by ffmpeg's death; another follows.",
        "",
        {(): counted[EventKind.RUN_FAILED]},
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
    yield gauge("transcoder_speed_ratio", "Media made per time, of the slowest live session.", "node", speeds)
    yield gauge(
        "packager_latency_seconds", "Time until a picture can be fetched, of the slowest session.", "node", latencies
    )


def _of_findings() -> Metric:
    holding = IngestFinding.objects.holding().filter(session__stopped_at=None)
    counted = {
        (kind, severity): count
        for kind, severity, count in holding.order_by().values_list("kind", "severity").annotate(Count("id"))
    }
    # What was found and is mended is 0, and no gap.
    values = {
        (kind.value, severity.value): float(counted.get((kind, severity), 0))
        for kind in FindingKind
        for severity in FindingSeverity
    }
    return gauge("ingest_findings", "What is wrong now with what encoders send.", "kind severity", values)


def _of_recordings() -> Metric:
    unfinished = Recording.objects.filter(status__in=UNFINISHED).order_by().values_list("status")
    counted = dict(unfinished.annotate(Count("id")))
    values = {status.value: float(counted.get(status, 0)) for status in UNFINISHED}
    return gauge("recordings_unfinished", "Recordings that are not stored yet.", "state", values)


def _of_disks() -> Iterator[Metric]:
    disks = list_disks()
    yield gauge(
        "disk_size_bytes", "Size of the broadcasts' disk.", "node", {x.node: float(x.total_bytes) for x in disks}
    )
    yield gauge("disk_free_bytes", "What is free of it.", "node", {x.node: float(x.free_bytes) for x in disks})
    yield gauge(
        "disk_full",
        "Whether files of ended broadcasts go before their time.",
        "node",
        {x.node: float(x.level == DiskLevel.FULL) for x in disks},
    )
    yield gauge(
        "disk_seen_timestamp_seconds",
        "When the node looked at it last.",
        "node",
        {x.node: x.seen_at.timestamp() for x in disks},
    )


def _of_self_test() -> Iterator[Metric]:
    newest = find_newest()
    if newest is None or newest.finished_at is None:
        return
    yield gauge(
        "self_test_passed",
        "Whether the newest self-test passed.",
        "",
        {(): float(newest.state == SelfTestState.PASSED)},
    )
    yield gauge("self_test_ended_timestamp_seconds", "When it was over.", "", {(): newest.finished_at.timestamp()})
