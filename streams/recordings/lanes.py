"""Who may use a storage's server at this moment: of each app's storages a few, so that those that do not answer leave
room for others'.

A call may take minutes until it is given up, and whoever sets a storage up decides how it answers. What waits for a
lane loses nothing: it is taken into the spool all the same.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

from streams.recordings.stores.base import StoreError

# Fewer than the worker has threads (`livehub/stack/programs.py`): the others go on with what needs no server.
LANES, LANES_OF_AN_APP = 4, 2
# A storage that did not answer is left alone for so long, longer each time.
_FIRST_REST_S, _LONGEST_REST_S = 30.0, 600.0
_SILENT = "timed_out"


class Lanes:
    """Those of this process."""

    def __init__(self, *, read_clock: Callable[[], float] = time.monotonic) -> None:
        self._read_clock = read_clock
        self._lock = threading.Lock()
        self._used = Counter[UUID]()
        # By storage: how often in a row it did not answer, and until when it is left alone.
        self._silent: dict[UUID, tuple[int, float]] = {}

    @contextmanager
    def lane(self, *, app_id: UUID, storage_id: UUID | None) -> Iterator[bool]:
        """Tell the block whether it may use the storage now; None is a folder of this machine, which always may."""
        if storage_id is None:
            yield True
            return
        with self._lock:
            is_free = self._is_free(app_id, storage_id)
            self._used[app_id] += is_free
        if not is_free:
            yield False
            return
        try:
            yield True
        except StoreError as error:
            self._note(storage_id, is_silent=error.code == _SILENT)
            raise
        else:
            self._note(storage_id, is_silent=False)
        finally:
            with self._lock:
                self._used[app_id] -= 1
                self._used += Counter()  # Without those that use none.

    def _is_free(self, app_id: UUID, storage_id: UUID) -> bool:
        _, rests_until = self._silent.get(storage_id, (0, 0.0))
        is_room = self._used.total() < LANES and self._used[app_id] < LANES_OF_AN_APP
        return is_room and self._read_clock() >= rests_until

    def _note(self, storage_id: UUID, *, is_silent: bool) -> None:
        with self._lock:
            if not is_silent:
                self._silent.pop(storage_id, None)
                return
            times = self._silent.get(storage_id, (0, 0.0))[0] + 1
            rest_s = min(_LONGEST_REST_S, _FIRST_REST_S * 2 ** (times - 1))
            self._silent[storage_id] = times, self._read_clock() + rest_s


lanes = Lanes()
