"""LiveHub: the project."""

import os
import sys

if not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
    # The client of Redis loads OpenTelemetry wherever it is installed, for figures that nobody reads: a quarter of a
    # second and 8 MB in each process. So there is none unless somebody wants it (`livehub/core/tracing.py`).
    sys.modules.setdefault("opentelemetry", None)  # type: ignore[arg-type]  # Python's own word for "not there".
