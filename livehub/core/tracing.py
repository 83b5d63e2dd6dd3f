"""What a broadcast went through until viewers could watch it, as one trace over all processes, for OpenTelemetry.

Only where `OTEL_EXPORTER_OTLP_ENDPOINT` is set; elsewhere nothing of OpenTelemetry is loaded, and a step costs one
comparison. The id of a trace is made of its session's, so nothing has to be handed from program to program: whoever
knows the session knows its trace (docs/adr/0033). Steps are told when they are over, and nobody waits for that: what
is not taken where it is sent to is dropped.
"""

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING
from uuid import UUID

from celery.signals import worker_init, worker_process_init, worker_process_shutdown
from django.conf import settings

if TYPE_CHECKING:
    from livehub.core.spans import Spans

Attribute = str | int | float | bool

_spans: "Spans | None" = None


def start(program: str) -> None:
    """Tell steps of this process from now on, under the program's name, if anybody wants to know."""
    global _spans
    if settings.OTLP_ENDPOINT and _spans is None:
        # Not above: it takes a quarter of a second and 5 MB.
        from livehub.core.spans import Spans

        _spans = Spans(settings.OTLP_ENDPOINT, program=program, node=settings.NODE)


def stop() -> None:
    """Send what has not been sent yet, for a bounded time, and tell nothing any more."""
    global _spans
    spans, _spans = _spans, None
    if spans is not None:
        spans.stop()


def now_ns() -> int:
    """Return when a step begins; 0 where nobody wants to know."""
    return time.time_ns() if _spans is not None else 0


def is_wanted() -> bool:
    """Tell whether anybody wants to know."""
    return _spans is not None


def note_step(
    session_id: UUID, name: str, *, began_ns: int, attributes: Mapping[str, Attribute], is_first: bool = False
) -> None:
    """Tell that a step of a session's trace is over now; `is_first` of the one that all others are below.

    Attributes are ids, names of ours and figures: no names of users, no addresses, no secrets. Never waits or raises.
    """
    # Once: another thread may stop it meanwhile.
    spans = _spans
    if spans is not None and began_ns:
        spans.add(session_id, name, began_ns=began_ns, is_first=is_first, attributes=attributes)


def _start_in_worker(*, sender: object = None, **_: object) -> None:
    """Start in a worker, or in a child of its pool: the one says who it is, the other its worker's name."""
    start(str(getattr(sender, "hostname", sender)).partition("@")[0])


def _stop_in_child(**_: object) -> None:
    stop()


def _forget() -> None:
    """A forked child has no thread that would send anything."""
    global _spans
    _spans = None


os.register_at_fork(after_in_child=_forget)
worker_init.connect(_start_in_worker)
worker_process_init.connect(_start_in_worker)
worker_process_shutdown.connect(_stop_in_child)
