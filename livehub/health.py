"""Is the product up, and is all of it there?"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

import httpx
from celery import current_app
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

_BOUND_S = 1.8
_OK = "ok"


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 while the web process answers at all."""
    return JsonResponse({"status": _OK})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when a broadcast could start now, else 503 with each component's state; takes at most 2 s."""
    components = _states({"database": _database, "broker": _broker, "ingest": _ingest, "live_worker": _live_worker})
    is_ready = all(state == _OK for state in components.values())
    body = {"status": _OK if is_ready else "unavailable", "components": components}
    return JsonResponse(body, status=200 if is_ready else 503)


def _states(probes: dict[str, Callable[[], str]]) -> dict[str, str]:
    executor = ThreadPoolExecutor(max_workers=len(probes))
    try:
        futures = {name: executor.submit(_state, probe) for name, probe in probes.items()}
        wait(futures.values(), timeout=_BOUND_S)
        return {
            name: future.result() if future.done() else f"no answer within {_BOUND_S} s"
            for name, future in futures.items()
        }
    finally:
        executor.shutdown(wait=False)


def _state(probe: Callable[[], str]) -> str:
    try:
        return probe()
    except Exception as error:  # Whatever is wrong with a component is its state.
        # The class only: messages may hold addresses and passwords.
        return f"does not answer ({type(error).__name__})"


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()
    return _OK


def _broker() -> str:
    with current_app.connection_for_read(connect_timeout=1) as broker:
        broker.ensure_connection(max_retries=1, timeout=1)
    return _OK


def _ingest() -> str:
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(settings.INGEST_CONTROL_SOCKET)), timeout=1) as ingest:
        answer = ingest.get("http://localhost/stat")
    return _OK if answer.is_success else f"answers {answer.status_code}"


def _live_worker() -> str:
    replies = current_app.control.broadcast("ping", reply=True, limit=1, timeout=1, pattern="live@*", matcher="glob")
    return _OK if replies else "none answers"
