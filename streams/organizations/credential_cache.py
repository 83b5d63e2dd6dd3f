"""What a credential opens, kept in memory for as long as nothing about credentials has changed anywhere.

Promised: what was seen seconds ago costs no query, and a key that is revoked opens nothing one second later, in every
process on every machine. A trigger gives credentials another revision (`CredentialRevision`) in the transaction of
each change. What was read is kept under the revision that was read before it, so what a change made wrong in between
is never kept under the revision that came with the change. The revision is asked for again after `POLL_S`, by
whichever request comes then, and believed for `TRUST_S` at most.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from uuid import UUID

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")

POLL_S = 0.5
TRUST_S = 0.9


@dataclass(frozen=True)
class _Generation(Generic[_Key, _Value]):
    """What was read under one revision, least recently used first."""

    revision: UUID | None
    entries: OrderedDict[_Key, _Value] = field(default_factory=OrderedDict)


class Acquaintances(Generic[_Key]):
    """Keys that were right some time, the latest `max_entries` of them; not that they still are. Safe for threads."""

    def __init__(self, *, max_entries: int) -> None:
        self._max_entries = max_entries
        self._keys: OrderedDict[_Key, None] = OrderedDict()
        self._changing = threading.Lock()

    def __contains__(self, key: _Key) -> bool:
        return key in self._keys

    def add(self, key: _Key) -> None:
        with self._changing:
            self._keys[key] = None
            self._keys.move_to_end(key)
            while len(self._keys) > self._max_entries:
                self._keys.popitem(last=False)

    def discard(self, key: _Key) -> None:
        with self._changing:
            self._keys.pop(key, None)


class CredentialCache(Generic[_Key, _Value]):
    """Safe for threads; nobody waits for anybody else's query. `read_revision` asks the database."""

    def __init__(
        self,
        *,
        read_revision: Callable[[], UUID | None],
        max_entries: int,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read_revision = read_revision
        self._max_entries = max_entries
        self._clock_s = clock_s
        self._generation: _Generation[_Key, _Value] = _Generation(None)
        # Since when, at the latest, the generation was known to be the newest one.
        self._polled_at = float("-inf")
        self._polling = threading.Lock()
        self._changing = threading.Lock()

    def get(self, key: _Key, *, load: Callable[[], _Value]) -> _Value:
        """Return what is kept under the key, or else what `load` returns; what it raises is not kept."""
        generation = self._trusted()
        if generation is None:
            return load()
        with self._changing:
            if key in generation.entries:
                generation.entries.move_to_end(key)
                return generation.entries[key]
        value = load()
        self._keep(generation, key, value)
        return value

    def __len__(self) -> int:
        return len(self._generation.entries)

    def _keep(self, generation: _Generation[_Key, _Value], key: _Key, value: _Value) -> None:
        with self._changing:
            generation.entries[key] = value
            generation.entries.move_to_end(key)
            while len(generation.entries) > self._max_entries:
                generation.entries.popitem(last=False)

    def _trusted(self) -> _Generation[_Key, _Value] | None:
        """Return the generation that still holds, or None when that is not known and somebody else is asking."""
        if self._clock_s() - self._polled_at >= POLL_S and self._polling.acquire(blocking=False):
            try:
                self._poll()
            finally:
                self._polling.release()
        with self._changing:
            is_trusted = self._clock_s() - self._polled_at < TRUST_S
            return self._generation if is_trusted else None

    def _poll(self) -> None:
        # Before the query: what is committed after this moment need not be in its answer.
        asked_at = self._clock_s()
        revision = self._read_revision()
        with self._changing:
            if revision != self._generation.revision:
                self._generation = _Generation(revision)
            self._polled_at = asked_at
