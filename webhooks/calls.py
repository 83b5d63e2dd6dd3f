"""Calling couriers to endpoints that have something to be sent."""

import time
from collections.abc import Iterable
from uuid import UUID

from celery import current_app
from django.db import transaction

from livehub.core import deferred
from livehub.core.gathering import Gathering
from webhooks import wire

QUEUE = "webhooks"
_TASK = "webhooks.deliver"
# What a process has at most one message in, however many changes it commits: a courier looks for all that is there.
_INTERVAL_S = 0.005
# The same where no courier is out: it takes about so long until one is, and a message of Celery's costs far more.
_CALL_INTERVAL_S = 0.05
# When one that was to be sent, and has not been, is taken for lost.
_LOST_S = 1.0
# What no worker took by then is the sweep's.
_EXPIRES_S = 60.0

_next_at_s = 0.0


def call_couriers(endpoint_ids: Iterable[UUID]) -> None:
    """Have what is due to these endpoints sent, once the present transaction is committed.

    A call may get lost; the sweep finds what nobody was called for.
    """
    wanted = frozenset(endpoint_ids)
    transaction.on_commit(lambda: _want(wanted))


def call_couriers_later(endpoint_ids: Iterable[UUID], delay_s: float) -> None:
    """Have what is due to these endpoints by then sent after that delay, at most a minute or so.

    A worker that has taken the message may be killed, and the sweep finds them just as well.
    """
    wanted = frozenset(endpoint_ids)
    deferred.post(lambda: _send_task(wanted, delay_s=delay_s), what=_TASK)


def _want(endpoint_ids: frozenset[UUID]) -> None:
    _wanted.add(endpoint_ids, delay_s=max(0.0, _next_at_s - time.monotonic()))


def _send(endpoint_ids: frozenset[UUID]) -> None:
    global _next_at_s
    now_s = time.monotonic()
    _next_at_s = now_s + _INTERVAL_S
    if endpoint_ids and not wire.tell(endpoint_ids):
        _next_at_s = now_s + _CALL_INTERVAL_S
        _send_task(endpoint_ids)


_wanted = Gathering(_send, what=_TASK, lost_s=_LOST_S)


def _send_task(endpoint_ids: Iterable[UUID], *, delay_s: float = 0.0) -> None:
    kwargs = {"endpoint_ids": [str(endpoint_id) for endpoint_id in endpoint_ids]}
    current_app.send_task(_TASK, kwargs=kwargs, queue=QUEUE, countdown=delay_s, expires=delay_s + _EXPIRES_S)
