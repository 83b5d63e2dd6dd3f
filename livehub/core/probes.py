"""Asking components how they are, without ever asking one twice at a time.

A component that hangs holds one thread, however often it is asked about.
"""

import threading
import time
from collections.abc import Callable, Mapping

OK = "ok"


class Probe:
    """One component's check; it runs in a thread of its own, and whoever asks meanwhile waits for the same answer."""

    def __init__(self, name: str, check: Callable[[], str]) -> None:
        self._name = name
        self._check = check
        self._lock = threading.Lock()
        self._run: _Run | None = None

    def start(self) -> "_Run":
        """Return the check that is under way, or a new one."""
        with self._lock:
            if self._run is None or self._run.is_over.is_set():
                self._run = _Run()
                threading.Thread(target=self._run.do, args=(self._check,), name=self._name, daemon=True).start()
            return self._run


class _Run:
    def __init__(self) -> None:
        self.is_over = threading.Event()
        self._state = ""

    def do(self, check: Callable[[], str]) -> None:
        try:
            self._state = check()
        except Exception as error:  # Whatever is wrong with a component is its state.
            # The class only: messages may hold addresses and passwords.
            self._state = f"does not answer ({type(error).__name__})"
        finally:
            self.is_over.set()

    def state(self, *, timeout_s: float) -> str | None:
        """Return what the check found, None when it has not ended by then."""
        return self._state if self.is_over.wait(timeout_s) else None


def states(probes: Mapping[str, Probe], *, timeout_s: float) -> dict[str, str]:
    """Return each component's state, by name; takes at most `timeout_s` in all."""
    ends_at = time.monotonic() + timeout_s
    runs = {name: probe.start() for name, probe in probes.items()}
    found = {name: run.state(timeout_s=max(0.0, ends_at - time.monotonic())) for name, run in runs.items()}
    return {name: state or f"no answer within {timeout_s} s" for name, state in found.items()}
