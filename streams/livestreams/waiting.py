"""Waiting for an encoder between two runs, as long as one run ends with its encoder's connection."""

import threading
import time
from collections.abc import Callable

# Between two looks for the encoder, and between two renewals of the lease.
_LOOK_S, _RENEWAL_S = 0.25, 1.0


def wait_for_encoder(
    *, wait_s: float, find: Callable[[], str | None], renew: Callable[[], None], stopping: threading.Event
) -> None:
    """Return when an encoder is found, or when the time is over.

    `renew` is called about every second, and has to raise once `stopping` is set; whatever it or `find` raises ends the
    wait, too.
    """
    over_at_s = time.monotonic() + wait_s
    renewed_at_s = 0.0
    while find() is None and time.monotonic() < over_at_s:
        if stopping.is_set() or time.monotonic() - renewed_at_s >= _RENEWAL_S:
            renewed_at_s = time.monotonic()
            renew()
        stopping.wait(_LOOK_S)
