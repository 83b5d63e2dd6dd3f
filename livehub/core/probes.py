"""Asking components how they are, without ever asking one twice at a time.

A component that hangs holds one thread, however often it is asked about; and what one has said is passed on for a while
to all who ask, so that a flood of questions costs nothing.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

OK = "ok"
# How old an answer may be. Whoever decides by it asks again every few seconds.
_KEPT_S = 1.0
_Answer = TypeVar("_Answer")


class Probe(Generic[_Answer]):
    """One component's check; it runs in a thread of its own, and whoever asks meanwhile waits for the same answer."""

    def __init__(self, name: str, check: Callable[[], _Answer]) -> None:
        self._name = name
        self._check = check
        self._lock = threading.Lock()
        self._run: _Run[_Answer] | None = None

    def start(self) -> "_Run[_Answer]":
        """Return the check that is under way or was made just now, or a new one."""
        with self._lock:
            if self._run is None or self._run.is_stale:
                self._run = _Run()
                threading.Thread(target=self._run.do, args=(self._check,), name=self._name, daemon=True).start()
            return self._run


class _Run(Generic[_Answer]):
    def __init__(self) -> None:
        self._is_over = threading.Event()
        self._ended_at = 0.0
        self.answer: _Answer | None = None
        # Why there is no answer.
        self.failure = ""

    @property
    def is_stale(self) -> bool:
        return self._is_over.is_set() and time.monotonic() - self._ended_at > _KEPT_S

    def do(self, check: Callable[[], _Answer]) -> None:
        try:
            self.answer = check()
        except Exception as error:  # Whatever is wrong with a component is its state.
            # The class only: messages may hold addresses and passwords.
            self.failure = f"does not answer ({type(error).__name__})"
        finally:
            self._ended_at = time.monotonic()
            self._is_over.set()

    def is_over_by(self, *, timeout_s: float) -> bool:
        """Wait for the check's end that long at most; tell whether it came."""
        return self._is_over.wait(timeout_s)


def states(probes: Mapping[str, Probe[str]], *, timeout_s: float) -> dict[str, str]:
    """Return each component's state, by name; takes at most `timeout_s` in all."""
    runs = _run_together(probes, timeout_s=timeout_s)
    late = f"no answer within {timeout_s} s"
    return {name: late if run is None else run.answer or run.failure for name, run in runs.items()}


def answers(probes: Mapping[str, Probe[Any]], *, timeout_s: float) -> dict[str, Any]:
    """Return what each check found, by name, and None for those without an answer; takes at most `timeout_s` in all."""
    runs = _run_together(probes, timeout_s=timeout_s)
    return {name: None if run is None else run.answer for name, run in runs.items()}


def _run_together(probes: Mapping[str, Probe[_Answer]], *, timeout_s: float) -> dict[str, _Run[_Answer] | None]:
    ends_at = time.monotonic() + timeout_s
    runs = {name: probe.start() for name, probe in probes.items()}
    return {
        name: run if run.is_over_by(timeout_s=max(0.0, ends_at - time.monotonic())) else None
        for name, run in runs.items()
    }
