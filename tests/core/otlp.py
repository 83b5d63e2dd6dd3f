"""Who takes traces: a server of OTLP/HTTP of the test's own."""

import gzip
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

# Our programs keep it out where nobody wants traces, and so does this process: livehub/__init__.py.
if sys.modules.get("opentelemetry", sys) is None:
    del sys.modules["opentelemetry"]

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Taken(NamedTuple):
    """One span as it arrived."""

    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    name: str
    began_ns: int
    ended_ns: int
    # Of the span, and of the process that told it.
    attributes: dict[str, object]
    program: str


class TraceReceiver:
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.url = ""

    @property
    def spans(self) -> list[Taken]:
        found = []
        for body in list(self.bodies):
            for resource_spans in ExportTraceServiceRequest.FromString(body).resource_spans:
                resource = _plain(resource_spans.resource.attributes)
                for scope in resource_spans.scope_spans:
                    for span in scope.spans:
                        ids = (span.trace_id, span.span_id, span.parent_span_id)
                        times = (span.start_time_unix_nano, span.end_time_unix_nano)
                        program = str(resource["livehub.program"])
                        found.append(Taken(*ids, span.name, *times, _plain(span.attributes), program))
        return found


def _plain(attributes: object) -> dict[str, object]:
    return {
        pair.key: getattr(pair.value, pair.value.WhichOneof("value"))
        for pair in attributes  # type: ignore[attr-defined]  # Of protobuf.
    }


@contextmanager
def open_receiver(*, hangs: bool = False, statuses: Sequence[int] = ()) -> Iterator[TraceReceiver]:
    """Take traces for as long as the block lasts; one that hangs takes the request and never answers.

    `statuses` are those of the first answers; the others are 200.
    """
    receiver, is_over = TraceReceiver(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            answered = len(receiver.bodies)
            if hangs:
                receiver.bodies.append(body)
                is_over.wait()
            self.send_response(statuses[answered] if answered < len(statuses) else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            if not hangs:
                receiver.bodies.append(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            is_over.set()
            server.shutdown()
            thread.join()
