"""Who may read figures, and those that only the process knows that counts them: how long hooks take."""

import hmac
from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

_View = Callable[[HttpRequest], HttpResponse]
# Where the ASGI program tells its own; the edge hands nobody's request on to it.
HOOKS_PATH = "/internal/metrics"

# A second series for each histogram, which nobody needs.
disable_created_metrics()  # type: ignore[no-untyped-call]  # Theirs.
HOOKS = CollectorRegistry()
# An encoder waits for the answer, and gets one within 1.2 s.
HOOK_DURATION = Histogram(
    "livehub_hook_duration_seconds",
    "Time to answer a hook of the ingest server.",
    ["hook"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5),
    registry=HOOKS,
)


def for_scrapers(view: _View) -> _View:
    """Admit who knows the token of `LIVEHUB_METRICS_TOKEN`; without one there is nothing to read."""

    @require_safe
    @wraps(view)
    def wrapper(request: HttpRequest) -> HttpResponse:
        if not settings.METRICS_TOKEN:
            return HttpResponse(status=404)
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {settings.METRICS_TOKEN}".encode()):
            told = "Send the token of LIVEHUB_METRICS_TOKEN as `Authorization: Bearer ...`.\n"
            headers = {"WWW-Authenticate": "Bearer", "Cache-Control": "no-store"}
            return HttpResponse(told, status=401, content_type="text/plain; charset=utf-8", headers=headers)
        return view(request)

    return wrapper


@for_scrapers
def hook_metrics(request: HttpRequest) -> HttpResponse:
    """Answer with what this process has counted."""
    return exposed(generate_latest(HOOKS))


def exposed(text: bytes) -> HttpResponse:
    """Return an answer in Prometheus' text format."""
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})
