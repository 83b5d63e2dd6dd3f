"""Fetching a source for as long as somebody wants it: one try after the other, by a thread of a worker."""

import logging
import threading
import time
from uuid import UUID

from django import db
from django.conf import settings

from livehub.core import clock
from livehub.core.egress import (
    EgressRefusedError,
    EgressUnavailableError,
    EgressUnreachableError,
    open_permit,
)
from livehub.core.errors import NotFoundError
from streams.livestreams.held_pull import HeldPull, PullLostError, claim_pull
from streams.livestreams.states import PullState
from streams.media.pulling.command import Encodes, Publication
from streams.media.pulling.puller import SOURCE_PORTS, EndKind, PullEnd, PullOrder, pull

logger = logging.getLogger(__name__)

# Between two tries: longer each time, until one has lasted.
_DELAYS_S = (1.0, 2.0, 4.0, 8.0, 15.0)
_LASTING_S = 30.0
_RENEWED_EACH_S = 1.0
# How often is looked whether an obstacle has gone.
_OBSTACLE_S = 1.0


def start_pull(livestream_id: UUID, *, worker: str, stopping: threading.Event) -> threading.Thread | None:
    """Fetch a livestream's source in a thread of its own, if somebody wants it and nobody does; return the thread.

    It keeps nobody's slot, and when the process dies, what it started does.
    """
    held = claim_pull(livestream_id, worker=worker)
    if held is None:
        return None
    thread = threading.Thread(target=PullRun(held, stopping).run, name=f"pull of {held}", daemon=True)
    thread.start()
    return thread


class PullRun:
    """The tries of one claim."""

    def __init__(self, held: HeldPull, stopping: threading.Event) -> None:
        self._held = held
        self._stopping = stopping
        self._encodes = Encodes()
        self._tries = 0
        self._renewed_at = time.monotonic()

    def run(self) -> None:
        """Fetch until nobody wants it, it is refused, or this worker stops."""
        try:
            while self._await_room():
                delay_s = self._try_once()
                if delay_s is None or not self._wait(delay_s):
                    return
        except (PullLostError, NotFoundError):
            pass  # Whoever has it now, or has taken it away, has said so.
        except Exception:  # A thread's end that nobody sees: the sweep calls for it again when its lease is over.
            logger.exception("pull broke off livestream=%s", self._held)
        finally:
            self._held.release()
            db.close_old_connections()

    def _await_room(self) -> bool:
        """Wait until our ingest takes it in; tell whether to go on."""
        while obstacle := self._held.obstacle():
            self._held.note(PullState.RETRYING, reason=obstacle, tries=self._tries)
            if not self._wait(_OBSTACLE_S):
                return False
        return self._is_wanted()

    def _try_once(self) -> float | None:
        """Fetch it once; return the seconds until the next try, None when there is to be none."""
        if not self._tries:
            self._held.note(PullState.STARTING)
        began_at, began_s = clock.now(), time.monotonic()
        end = self._pull()
        if end.kind is EndKind.STOPPED:
            return None
        if end.kind is EndKind.REFUSED:
            self._held.note(PullState.ERRORED, reason=end.reason, tries=self._tries)
            return None
        if end.kind is EndKind.FINISHED:
            self._held.note(PullState.IDLE, reason=end.reason, finished_at=clock.now())
            return None
        if end.kind is EndKind.UNFIT and end.needs is not None:
            self._encodes = end.needs
            return 0.0
        if self._held.pull.state == PullState.PULLING and time.monotonic() - began_s > _LASTING_S:
            self._tries = 0
        self._tries += 1
        reason = self._held.refusal_since(began_at) or end.reason
        self._held.note(PullState.RETRYING, reason=reason, tries=self._tries)
        return _DELAYS_S[min(self._tries, len(_DELAYS_S)) - 1]

    def _pull(self) -> PullEnd:
        to = Publication(settings.INGEST_PULL_URL, self._held.give_key())
        order = PullOrder(self._held.pull.url, to, self._encodes, f"pull livestream={self._held}")
        try:
            with open_permit(settings.EGRESS_SOCKET, ports=SOURCE_PORTS) as way:
                return pull(order, way=way, looks=self._look)
        except EgressRefusedError as error:
            return PullEnd(EndKind.REFUSED, _sentence(error.message))
        except (EgressUnavailableError, EgressUnreachableError) as error:
            return PullEnd(EndKind.FAILED, _sentence(error.message))

    def _look(self, is_coming: bool) -> bool:
        if is_coming and self._held.pull.state != PullState.PULLING:
            self._held.note(PullState.PULLING)
        return self._is_wanted()

    def _is_wanted(self) -> bool:
        if self._stopping.is_set():
            return False
        if time.monotonic() - self._renewed_at < _RENEWED_EACH_S:
            return True
        self._renewed_at = time.monotonic()
        try:
            return self._held.is_kept()
        finally:
            # Back to the pool: a pull lasts for days.
            db.close_old_connections()

    def _wait(self, delay_s: float) -> bool:
        """Wait so long; tell whether to go on."""
        until = time.monotonic() + delay_s
        while (left_s := until - time.monotonic()) > 0:
            if self._stopping.wait(min(left_s, _RENEWED_EACH_S)) or not self._is_wanted():
                return False
        return not self._stopping.is_set()


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."
