"""Is the product up, and is all of it there?"""

import socket
from pathlib import Path

import httpx
from celery import current_app
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from livehub.core.deadline import deadline
from livehub.core.probes import OK, Probe, answers, states
from livehub.core.sockets import ask

# For the whole answer, and for one component's.
_BOUND_S = 1.8
_PROBE_S = 1.0
_NOT_KEPT = {"Cache-Control": "no-store"}


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 while the web process answers at all."""
    return JsonResponse({"status": OK}, headers=_NOT_KEPT)


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when a broadcast could start, be cut and be told of, else 503 with what is missing; within 2 s."""
    components = ask_components()
    missing = [name for name, state in components.items() if state != OK]
    body = {"status": "unavailable" if missing else OK, "missing": missing, "components": components}
    return JsonResponse(body, status=503 if missing else 200, headers=_NOT_KEPT)


def ask_components() -> dict[str, str]:
    """Return each component's state as of a second ago at most, by name: "ok", or what is wrong; within 2 s."""
    return states(_PROBES, timeout_s=_BOUND_S)


def _database() -> str:
    try:
        with deadline(_PROBE_S), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()
    return OK


def _broker() -> str:
    with current_app.connection_for_read() as broker:
        broker.ensure_connection(max_retries=1, timeout=_PROBE_S)
    return OK


def _ingest() -> str:
    return _state_of(settings.INGEST_CONTROL_SOCKET, "/stat")


def _gate() -> str:
    with socket.socket(socket.AF_UNIX) as encoder:
        encoder.settimeout(_PROBE_S)
        encoder.connect(str(settings.GATE_SOCKET))
    return OK


def _origin() -> str:
    # It answers, and it knows no such session.
    status = ask(settings.ORIGIN_SOCKET, "/", timeout_s=_PROBE_S).status_code
    return OK if status == httpx.codes.NOT_FOUND else f"answers {status}"


def _asgi() -> str:
    return _state_of(settings.ASGI_SOCKET, "/healthz")


def _live_worker() -> str:
    return _state_of_worker("live")


def _urgent_worker() -> str:
    return _state_of_worker("urgent")


def _webhooks_worker() -> str:
    return _state_of_worker("webhooks")


def _state_of_worker(kind: str) -> str:
    answering = answers({"pings": _PINGS}, timeout_s=_BOUND_S)["pings"] or ()
    return OK if _worker(kind) in answering else "none answers"


def _ping_workers() -> list[str]:
    """Return which of the three answer, as soon as all have: one question to all costs a third of three."""
    workers = [_worker(kind) for kind in ("live", "urgent", "webhooks")]
    asked = {"reply": True, "limit": len(workers), "timeout": _PROBE_S, "destination": workers}
    replies = current_app.control.broadcast("ping", **asked) or []
    return [worker for reply in replies for worker in reply]


def _worker(kind: str) -> str:
    # This node's: no other could run, or cut, what is published here.
    return f"{kind}@{settings.NODE}"


def _state_of(socket_path: Path, path: str) -> str:
    status = ask(socket_path, path, timeout_s=_PROBE_S).status_code
    return OK if status == httpx.codes.OK else f"answers {status}"


_PINGS = Probe("pings", _ping_workers)
_PROBES = {
    name: Probe(name, check)
    for name, check in {
        "database": _database,
        "broker": _broker,
        "ingest": _ingest,
        "gate": _gate,
        "origin": _origin,
        "asgi": _asgi,
        "live_worker": _live_worker,
        "urgent_worker": _urgent_worker,
        "webhooks_worker": _webhooks_worker,
    }.items()
}
