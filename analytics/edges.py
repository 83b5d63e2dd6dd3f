"""What edge nodes tell the hub: batches of what they have counted, and who watches now.

An edge node has no database. It shows the token of `LIVEHUB_EDGE_TOKEN`, and may say who watches through it; nothing
else is opened by that, and nothing that it is told names anybody.
"""

import hmac
from collections.abc import Callable
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from analytics import batches, telling
from analytics.books import BatchRefusedError
from analytics.counting.batch import EdgeName, LogBatch, LogOpened, WatchingNow
from livehub.core import clock

# Of 60,000 views; the edge nginx lets no more in.
_LARGEST_BATCH = 32 << 20
_JSON = "application/json"
_WHAT_TO_SEND = "Send the token of LIVEHUB_EDGE_TOKEN as `Authorization: Bearer ...`."


def _open(told: EdgeName) -> LogOpened:
    return batches.open_log(told.edge)


def _now(told: WatchingNow) -> None:
    """Take it as of when it comes: an edge's clock may be wrong, and who watches would count too long, or never."""
    telling.write_and_tell(msgspec.structs.replace(told, at_ms=clock.epoch_ms(clock.now())))


TOLD_BY_EDGES: dict[str, tuple[type[msgspec.Struct], Callable[[Any], LogOpened | None]]] = {
    "open": (EdgeName, _open),
    "batch": (LogBatch, batches.write_batch),
    "now": (WatchingNow, _now),
}


@require_GET
def edge_token(request: HttpRequest) -> HttpResponse:
    """Answer nginx whether it may take in what comes with this token: 204, or 401 whoever asks; 404 without edges."""
    if not settings.EDGE_TOKEN:
        return HttpResponse(status=404)
    return HttpResponse(status=204) if _has_token(request) else _answer(401, _WHAT_TO_SEND)


@require_POST
def told_by_edge(request: HttpRequest, what: str) -> HttpResponse:
    """Take in what an edge node tells: 401 without the token, 409 for what does not follow what it told before."""
    if not settings.EDGE_TOKEN:
        return HttpResponse(status=404)
    if not _has_token(request):
        return _answer(401, _WHAT_TO_SEND)
    shape, take = TOLD_BY_EDGES[what]
    body = request.read(_LARGEST_BATCH + 1)
    if len(body) > _LARGEST_BATCH:
        return _answer(413, f"A batch may have {_LARGEST_BATCH >> 20} MB.")
    try:
        told: Any = msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return _answer(400, f"That is no {what}: {error}")
    if told.edge == settings.NODE:
        return _answer(422, f"The hub itself is called {told.edge!r}: give the edge node a LIVEHUB_NODE of its own.")
    try:
        answer = take(told)
    except BatchRefusedError as error:
        return _answer(409, error.message)
    return HttpResponse(msgspec.json.encode(answer), content_type=_JSON, headers={"Cache-Control": "no-store"})


def _has_token(request: HttpRequest) -> bool:
    given = request.headers.get("Authorization", "")
    wanted = f"Bearer {settings.EDGE_TOKEN}"
    return bool(settings.EDGE_TOKEN) and hmac.compare_digest(given.encode(), wanted.encode())


def _answer(status: int, message: str) -> HttpResponse:
    headers = {"Cache-Control": "no-store", **({"WWW-Authenticate": "Bearer"} if status == 401 else {})}
    return HttpResponse(f"{message}\n", status=status, content_type="text/plain; charset=utf-8", headers=headers)
