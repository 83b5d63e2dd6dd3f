"""What Prometheus scrapes: what all processes write down and count, read at that moment in a few bounded questions."""

import logging
from collections.abc import Iterator, Mapping

from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from livehub.core.deadline import deadline
from livehub.core.outage import DATABASE_OUTAGE, describe
from livehub.core.probes import OK
from livehub.health import ask_components
from livehub.metrics import counted, exposed, for_scrapers, found_figures, gauge
from streams.system.components import AnsweringWorker, ask_workers, start_asking_workers

logger = logging.getLogger(__name__)

# For all that the database is asked.
_DATABASE_S = 3.0


@for_scrapers
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer with all figures; what cannot be read now is left out, and `livehub_component_up` says why."""
    registry = CollectorRegistry()
    registry.register(_Figures())
    return exposed(generate_latest(registry) + counted())


class _Figures(Collector):
    def collect(self) -> Iterator[Metric]:
        # Beside the others, so that those who hang are waited for together.
        start_asking_workers()
        yield gauge("component_up", "Whether a component answers.", "component", _ups(ask_components()))
        yield from _of_workers(ask_workers() or [])
        try:
            with deadline(_DATABASE_S):
                # All of it or nothing.
                found = found_figures()
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
    yield gauge("queue_messages", "Messages that no worker has taken yet.", "queue", waiting)
