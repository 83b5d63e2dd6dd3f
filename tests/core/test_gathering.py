"""Ids that come one by one are handed on together, whatever becomes of those before."""

import multiprocessing
import time
from multiprocessing.connection import Connection
from queue import Queue
from uuid import UUID, uuid4

from livehub.core import deferred
from livehub.core.gathering import Gathering
from tests.services import HANG_S

FIRST, SECOND, THIRD = uuid4(), uuid4(), uuid4()
# More than a test takes, however slow the machine is.
LONG_S = 600.0


def flushed() -> None:
    assert deferred.flush(HANG_S)


class Handed:
    """What has been handed on, each time."""

    def __init__(self) -> None:
        self.found: list[frozenset[UUID]] = []

    def __call__(self, ids: frozenset[UUID]) -> None:
        self.found.append(ids)


def test_hands_on_together_what_comes_before_it_is_due() -> None:
    handed = Handed()
    gathering = Gathering(handed, what="x", lost_s=LONG_S)

    gathering.add([FIRST], delay_s=LONG_S)
    gathering.add([SECOND, FIRST], delay_s=LONG_S)
    flushed()
    gathering.add([THIRD], delay_s=0)
    flushed()

    assert handed.found == [{FIRST, SECOND}, {THIRD}]


def test_hands_on_nothing_where_there_is_nothing() -> None:
    handed = Handed()

    Gathering(handed, what="x", lost_s=LONG_S).add([], delay_s=0)
    flushed()

    assert handed.found == []


def test_takes_along_what_was_lost() -> None:
    """A full outbox loses messages without a word to whoever posts."""
    handed: Queue[frozenset[UUID]] = Queue()
    gathering = Gathering(handed.put, what="x", lost_s=0.01)

    gathering.add([FIRST], delay_s=LONG_S)
    time.sleep(0.02)
    gathering.add([SECOND], delay_s=0)

    assert handed.get(timeout=HANG_S) == {FIRST, SECOND}
    flushed()


def _add_in_child(gathering: Gathering, end: Connection) -> None:
    gathering.add([SECOND], delay_s=0)
    flushed()
    end.close()


def test_a_forked_child_hands_on_its_own_alone_and_at_once() -> None:
    ours, theirs = multiprocessing.Pipe(duplex=False)
    gathering = Gathering(theirs.send, what="x", lost_s=LONG_S)
    gathering.add([FIRST], delay_s=LONG_S)

    child = multiprocessing.get_context("fork").Process(target=_add_in_child, args=(gathering, theirs))
    child.start()
    child.join(HANG_S)

    assert (child.exitcode, ours.poll()) == (0, True)
    assert ours.recv() == {SECOND}
    flushed()
