"""A worker's hold on a pull: it is renewed every second, and what is written goes by it."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from livehub.core import clock
from livehub.core.deadline import deadline
from livehub.core.outage import DATABASE_OUTAGE, describe
from streams.livestreams import lifecycle, node_jobs, pulls
from streams.livestreams.locks import find_open_session_of, lock_livestream
from streams.livestreams.models import Livestream, PullSource, PullSourceQuerySet
from streams.livestreams.states import PullState
from streams.livestreams.stream_keys import give_pull_key

logger = logging.getLogger(__name__)

# It is renewed each second; after this long without, another worker may take it up.
PULL_LEASE = timedelta(seconds=6)
_STATEMENT_S = 0.9
# A child has so long to find its source and to begin to publish.
_KEY_LIFETIME = timedelta(seconds=60)
_Result = TypeVar("_Result")


class PullLostError(Exception):
    """Nobody wants it any more, it was changed, or another worker has it."""


class HeldPull:
    """A pull as it was claimed; see `claim_pull`."""

    def __init__(self, pull: PullSource, worker: str) -> None:
        self.pull = pull
        self._worker = worker

    def __str__(self) -> str:
        return str(self.pull.pk.hex)

    def is_kept(self) -> bool:
        """Renew it; tell whether it is still ours to fetch. A database that is away changes nothing."""
        try:
            with deadline(_STATEMENT_S):
                return bool(self._rows().wanted().update(lease_until=Now() + PULL_LEASE))
        except DATABASE_OUTAGE as error:
            logger.warning("pull not renewed livestream=%s %s", self, describe(error))
            return True

    def obstacle(self) -> str:
        """Return why the ingest server would not take it in, as a sentence; empty when it would."""
        return self._write(_obstacle)

    def give_key(self) -> str:
        """Return a key that it is published with once, soon.

        :raises PullLostError: when it is not ours any more.
        """
        return self._write(partial(give_pull_key, lifetime=_KEY_LIFETIME))

    def note(self, state: PullState, *, reason: str = "", tries: int = 0, **more: object) -> None:
        """Write down how it goes, for people; the same again writes nothing.

        :raises PullLostError: when it is not ours any more.
        """
        told = {"state": state, "reason": reason[:500], "tries": tries, **more}
        if all(getattr(self.pull, name) == value for name, value in told.items()):
            return
        told["since"] = clock.now() if state != self.pull.state else self.pull.since

        def write(livestream: Livestream) -> None:
            self._rows().update(**told, updated_at=clock.now())
            lifecycle.tell_pages(livestream)

        self._write(write)
        for name, value in told.items():
            setattr(self.pull, name, value)

    def refusal_since(self, at: datetime) -> str:
        """Return why our own ingest refused it since then, empty when it did not."""
        livestream = self._write(lambda livestream: livestream)
        is_new = livestream.last_refused_at is not None and livestream.last_refused_at >= at
        return livestream.last_refusal if is_new else ""

    def release(self) -> None:
        """Let another worker have it at once, and call for one where it is still wanted."""
        try:
            with deadline(_STATEMENT_S), transaction.atomic():
                mine = PullSource.objects.filter(pk=self.pull.pk, worker=self._worker)
                if mine.update(lease_until=None) and (wanted := mine.wanted().first()):
                    pulls.call_for(wanted)
        except DATABASE_OUTAGE as error:
            logger.warning("pull not released livestream=%s %s", self, describe(error))

    def _write(self, change: Callable[[Livestream], _Result]) -> _Result:
        """Make a change with the livestream locked, if the pull is still ours.

        :raises PullLostError: when it is not, or the database does not answer.
        """
        try:
            with deadline(_STATEMENT_S * 3), transaction.atomic():
                livestream = lock_livestream(self.pull.pk)
                if not self._rows().select_for_update().exists():
                    raise PullLostError
                return change(livestream)
        except DATABASE_OUTAGE as error:
            # Its lease runs out, and the sweep calls for it again.
            logger.warning("pull not written livestream=%s %s", self, describe(error))
            raise PullLostError from error

    def _rows(self) -> PullSourceQuerySet:
        return PullSource.objects.filter(pk=self.pull.pk, worker=self._worker, revision=self.pull.revision)


def claim_pull(livestream_id: UUID, *, worker: str) -> HeldPull | None:
    """Take a pull that somebody is to fetch and nobody does; None when there is none."""
    free = PullSource.objects.claimable().filter(pk=livestream_id)
    if not free.update(worker=worker, lease_until=Now() + PULL_LEASE):
        return None
    pull = PullSource.objects.filter(pk=livestream_id).first()
    return HeldPull(pull, worker) if pull is not None else None


def _obstacle(livestream: Livestream) -> str:
    if livestream.is_held:
        return "The broadcast was ended on purpose. The source is fetched again when encoders are let in."
    session = find_open_session_of(livestream)
    present = session.connections.filter(disconnected_at=None).select_related("stream_key").first() if session else None
    if present is None or (present.stream_key is not None and present.stream_key.is_for_test_picture):
        return ""
    if present.stream_key is not None and present.stream_key.is_for_pull:
        # Of a try that has ended, or of a worker that died: its place is ours.
        node_jobs.drop_encoder(present)
        return "The connection of the last try is being closed."
    return "An encoder is publishing with the livestream's key. The source is fetched again when it has stopped."
