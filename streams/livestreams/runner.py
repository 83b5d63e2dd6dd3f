"""The worker: which sessions it runs, one run after the other."""

import logging
import threading
from uuid import UUID

from django.conf import settings

from streams.livestreams import leases
from streams.livestreams.renewals import Renewals
from streams.livestreams.runs import CLOCK_SLACK_S, SessionRun
from streams.livestreams.shedding import Shedding
from streams.livestreams.simulcasting import Simulcasts

logger = logging.getLogger(__name__)


class Worker:
    """This process, as it runs sessions; a `stopping` one hands them over instead of finishing them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.stopping = threading.Event()
        self._renewals = Renewals()
        self._runs: dict[UUID, SessionRun] = {}
        # What an earlier run has found out of its session's key frames.
        self._gops_s: dict[UUID, float] = {}
        self._shedding = Shedding()
        self._simulcasts = Simulcasts(name)

    def run_session(self, session_id: UUID) -> None:
        """Run a session until its encoder stops, if nobody else does.

        Side effects: the session's rows, its files, child processes (none is left behind).
        """
        try:
            while (delay_s := self._run_once(session_id)) is not None:
                # The slot stays ours: during a delay the session is nobody else's either.
                if self.stopping.wait(delay_s + CLOCK_SLACK_S):
                    return
        finally:
            if session_id not in self._runs:
                # Else another message than the one that it is run by has called for it.
                self._gops_s.pop(session_id, None)
                self._shedding.forget(session_id)
                self._simulcasts.end(session_id)

    def _run_once(self, session_id: UUID) -> float | None:
        """Run it once; return the seconds until the next run may start, or None when there is none for us."""
        running = self._runs.get(session_id)
        if running is not None and running.observer.is_progressing:
            # The database was away for longer than a lease lasts, and the next renewal makes up for it: there is
            # nothing to take over from ourselves.
            return None
        lease = leases.claim_session(session_id=session_id, worker=self.name, node=settings.NODE)
        if lease is None:
            return None
        logger.info("run starts session=%s", lease)
        run = self._runs[session_id] = SessionRun(
            lease,
            self.stopping,
            self._renewals,
            shedding=self._shedding,
            simulcasts=self._simulcasts,
            gop_s=self._gops_s.get(session_id, 0.0),
        )
        try:
            return run.run()
        finally:
            self._gops_s[session_id] = run.gop_s
            if self._runs.get(session_id) is run:
                del self._runs[session_id]
