"""The spans of OpenTelemetry, over OTLP/HTTP: loaded only where somebody wants them."""

import logging
import os
import threading
import time
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from hashlib import blake2b
from multiprocessing.util import Finalize
from uuid import UUID

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags

logger = logging.getLogger(__name__)

# What an ending process grants its last spans.
_FLUSH_S = 2.0
# For one request; whoever takes traces is near.
_SEND_S = 5.0
# The trace and the span that are made next, where that is not for chance to say.
_wanted: ContextVar[tuple[int, int] | None] = ContextVar("wanted", default=None)


class Spans:
    """What one process tells; `add` is for all of its threads."""

    def __init__(self, endpoint: str, *, program: str, node: str) -> None:
        # They tell of each failed request, with the address: once in an outage is enough (`_Exporter`).
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        resource = Resource.create(
            {
                "service.name": os.environ.get("OTEL_SERVICE_NAME", "livehub"),
                "service.instance.id": f"{node}/{program}/{os.getpid()}",
                "livehub.program": program,
                "livehub.node": node,
            }
        )
        # It takes its sampler from OTEL_TRACES_SAMPLER.
        self._provider = TracerProvider(resource=resource, id_generator=_Ids(), shutdown_on_exit=False)
        processor = BatchSpanProcessor(_Exporter(endpoint))
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("livehub")
        self._is_stopping, self._is_stopped = threading.Event(), threading.Event()
        # Begun now: at the end of a process no thread can be.
        threading.Thread(target=self._await_end, args=(processor,), name="spans", daemon=True).start()
        # Not `atexit`, which the web workers end without, as all that `multiprocessing` has forked.
        Finalize(self, self.stop, exitpriority=0)

    def add(
        self,
        session_id: UUID,
        name: str,
        *,
        began_ns: int,
        is_first: bool,
        attributes: Mapping[str, str | int | float | bool],
    ) -> None:
        """Add a step of the session's trace that is over now."""
        trace_id, first_id = _ids_of(session_id)
        token = _wanted.set((trace_id, first_id)) if is_first else None
        try:
            span = self._tracer.start_span(
                name,
                context=Context() if is_first else self._below(trace_id, first_id, name),
                kind=SpanKind.INTERNAL,
                attributes={"livehub.session.id": str(session_id), **attributes},
                start_time=began_ns,
            )
        finally:
            if token is not None:
                _wanted.reset(token)
        span.end(time.time_ns())

    def stop(self) -> None:
        """Send what is left, within `_FLUSH_S`."""
        self._is_stopping.set()
        self._is_stopped.wait(_FLUSH_S)

    def _await_end(self, processor: BatchSpanProcessor) -> None:
        self._is_stopping.wait()
        processor.shutdown()  # type: ignore[no-untyped-call]  # Theirs.
        self._is_stopped.set()

    def _below(self, trace_id: int, first_id: int, name: str) -> Context:
        # As it was decided for the first step, wherever that was: the samplers of all go by the trace's id.
        decision = self._provider.sampler.should_sample(None, trace_id, name).decision
        flags = TraceFlags(TraceFlags.SAMPLED if decision is Decision.RECORD_AND_SAMPLE else TraceFlags.DEFAULT)
        parent = SpanContext(trace_id, first_id, is_remote=True, trace_flags=flags)
        return trace.set_span_in_context(NonRecordingSpan(parent), Context())


def _ids_of(session_id: UUID) -> tuple[int, int]:
    """Return the id of a session's trace, and of its first span.

    Not the session's own: a sampler takes the low bits of a trace's id for random, and those of a UUID are not.
    """
    digest = blake2b(session_id.bytes, digest_size=24, person=b"livehub.trace").digest()
    return int.from_bytes(digest[:16], "big"), int.from_bytes(digest[16:], "big")


class _Ids(RandomIdGenerator):
    def generate_trace_id(self) -> int:
        wanted = _wanted.get()
        return wanted[0] if wanted else super().generate_trace_id()

    def generate_span_id(self) -> int:
        wanted = _wanted.get()
        return wanted[1] if wanted else super().generate_span_id()


class _Exporter(SpanExporter):
    """Sends batches, from the processor's thread, and tells once when they are not taken."""

    def __init__(self, endpoint: str) -> None:
        url = f"{endpoint.rstrip('/')}/v1/traces"
        self._inner = OTLPSpanExporter(endpoint=url, timeout=_SEND_S)
        self._lost = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._inner.export(spans)
        if result is not SpanExportResult.SUCCESS:
            if not self._lost:
                logger.warning("traces are not taken at OTEL_EXPORTER_OTLP_ENDPOINT, nor may be those that follow")
            self._lost += len(spans)
        elif self._lost:
            logger.warning("traces are taken again lost=%d", self._lost)
            self._lost = 0
        return result

    def shutdown(self) -> None:
        self._inner.shutdown()  # type: ignore[no-untyped-call]  # Theirs.
