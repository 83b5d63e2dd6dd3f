"""A worker of this process that runs a session, beside the test that looks at it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from streams.livestreams.runner import Worker
from streams.models import Session


@contextmanager
def working(worker: Worker, session: Session) -> Iterator[threading.Thread]:
    """Have the worker run the session for as long as the block lasts."""
    thread = threading.Thread(target=worker.run_session, args=(session.pk,), daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        worker.stopping.set()
        thread.join(20)
        assert not thread.is_alive()
