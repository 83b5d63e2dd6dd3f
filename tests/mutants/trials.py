"""Trying mutants: each in a fork of its own, so that whatever it does, the next one starts from the same place."""

import gc
import os
import pickle
import sys
import tempfile
import threading
import time
import types
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.queues import SimpleQueue
from typing import IO

import pytest
from _pytest.main import pytest_runtestloop as run_tests

from tests.mutants.changes import BASE_DIR, Mutant, code_of
from tests.mutants.targets import TARGETS

# The media plane is told everything by values: its tests are many times faster without Django.
_PURE = "streams/media/"
_BARE = ("-c", os.devnull, f"--rootdir={BASE_DIR}", "--noconftest", "-p", "no:django")
_WHOLE = ("--reuse-db",)
# A mutant that waits for ever has been noticed, too: it takes this many times what its tests take, and this on top.
_PATIENCE = 5
_TIMEOUT_S = 60
# All tests of a module, with another import of everything.
_OUTSIDE_TIMEOUT_S = 300
# All tests of all modules.
_ALL_TIMEOUT_S = 1200
_fork = get_context("fork")


class Trials:
    """Mutants whose tests can be run together, and which of them no worker has taken yet."""

    def __init__(self, mutants: list[Mutant], *, workers: int) -> None:
        self._mutants = mutants
        self.paths = list(dict.fromkeys(mutant.path for mutant in mutants))
        self._inside = self._queue_up(workers, is_inside=True)
        self._outside = self._queue_up(workers, is_inside=False)

    def run(self, verdicts: Connection) -> None:
        """Try mutants until none is left; send each with whether the tests notice it.

        With None in place of a mutant is sent whether the tests fail without one.
        """
        _passes(lambda: _run(self.paths, _Inside(self, verdicts)), within_s=None)
        for mutant in self._take(self._outside):
            verdicts.send((mutant, not _passes(partial(_run_instead, mutant), within_s=_OUTSIDE_TIMEOUT_S)))

    def take_inside(self) -> Iterator[Mutant]:
        """Yield mutants inside of functions: they need no import of their own."""
        return self._take(self._inside)

    def _queue_up(self, workers: int, *, is_inside: bool) -> "SimpleQueue[int | None]":
        waiting: SimpleQueue[int | None] = _fork.SimpleQueue()
        for number, mutant in enumerate(self._mutants):
            if (mutant.function is not None) == is_inside:
                waiting.put(number)
        for _ in range(workers):
            waiting.put(None)
        return waiting

    def _take(self, waiting: "SimpleQueue[int | None]") -> Iterator[Mutant]:
        return (self._mutants[number] for number in iter(waiting.get, None))


@dataclass
class _Reach:
    """The file and the first line of each function that a test calls, and how long the test takes."""

    called: set[tuple[str, int]] = field(default_factory=set)
    duration_s: float = 0.0

    def watch(self, frame: types.FrameType, event: str, argument: object) -> None:
        self.called.add((frame.f_code.co_filename, frame.f_code.co_firstlineno))

    def includes(self, mutant: Mutant) -> bool:
        (first, last), of = mutant.function or (0, 0), str(BASE_DIR / mutant.path)
        return any(file == of and first <= line <= last for file, line in self.called)


class _Inside:
    """A pytest plugin that runs tests for each mutant: those that call the function in which it is, quick ones first.

    What a test calls is found by running all of them without a mutant.
    """

    def __init__(self, trials: Trials, verdicts: Connection) -> None:
        self._trials, self._verdicts = trials, verdicts
        self._is_watching = False
        self._reach: dict[str, _Reach] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        with tempfile.TemporaryFile() as found:
            is_sound = _passes(lambda: self._watch(session, found), within_s=_ALL_TIMEOUT_S)
            self._verdicts.send((None, not is_sound))
            if is_sound:
                found.seek(0)
                self._reach = pickle.load(found)  # noqa: S301  # Our own.
                self._try_all(session)
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        if not self._is_watching:
            return (yield)
        reach, started_at = self._reach.setdefault(item.nodeid, _Reach()), time.monotonic()
        threading.settrace(reach.watch)
        sys.settrace(reach.watch)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            reach.duration_s = time.monotonic() - started_at

    def _watch(self, session: pytest.Session, found: IO[bytes]) -> bool:
        self._is_watching = True
        passes = _all_pass(session)
        files = {str(BASE_DIR / path) for path in self._trials.paths}
        for reach in self._reach.values():
            reach.called = {(file, line) for file, line in reach.called if file in files}
        pickle.dump(self._reach, found)
        found.flush()
        return passes

    def _try_all(self, session: pytest.Session) -> None:
        if "django" in sys.modules:
            _keep_database()
        # Where nothing passes any more, each mutant would seem to be noticed. The longest has made the database.
        longest = max(session.items, key=lambda item: self._reach[item.nodeid].duration_s)
        is_sound = _passes(partial(_run_only, [longest], session), within_s=_ALL_TIMEOUT_S)
        self._verdicts.send((None, not is_sound))
        if not is_sound:
            return
        for mutant in self._trials.take_inside():
            tests = self._tests_of(mutant, session)
            within_s = _TIMEOUT_S + _PATIENCE * sum(self._reach[item.nodeid].duration_s for item in tests)
            is_noticed = bool(tests) and not _passes(partial(_try, mutant, tests, session), within_s=within_s)
            self._verdicts.send((mutant, is_noticed))

    def _tests_of(self, mutant: Mutant, session: pytest.Session) -> list[pytest.Item]:
        """Return the tests that call the mutant's function: the likeliest file first, in it the quickest test."""
        files = TARGETS[mutant.path]
        ranks = {item: files.index(file) for item in session.items if (file := _file_of(item)) in files}
        tests = [item for item in ranks if self._reach[item.nodeid].includes(mutant)]
        return sorted(tests, key=lambda item: (ranks[item], self._reach[item.nodeid].duration_s))


class _Loader(MetaPathFinder, SourceFileLoader):
    """Imports the mutant in place of the module."""

    def __init__(self, mutant: Mutant) -> None:
        super().__init__(mutant.path.removesuffix(".py").replace("/", "."), str(BASE_DIR / mutant.path))
        self.mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        return spec_from_file_location(fullname, self.path, loader=self) if fullname == self.name else None

    def get_code(self, fullname: str) -> types.CodeType:
        return code_of(self.mutant)


def _file_of(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def _passes(run: Callable[[], bool], *, within_s: float | None) -> bool:
    """Return what `run` does in a fork of this process; no when it does not come back."""
    tests = _fork.Process(target=lambda: os._exit(0 if run() else 1))
    tests.start()
    tests.join(within_s)
    if tests.is_alive():
        tests.kill()
        tests.join()
    return tests.exitcode == 0


def is_pure(path: str) -> bool:
    """Tell whether a module's tests need no Django."""
    return path.startswith(_PURE)


def _run(paths: list[str], *plugins: object) -> bool:
    silence = os.open(os.devnull, os.O_WRONLY)
    for output in (sys.stdout, sys.stderr):
        os.dup2(silence, output.fileno())
    options = ("-x", "-q", "-s", "-p", "no:cacheprovider", *(_BARE if is_pure(paths[0]) else _WHOLE))
    tests = dict.fromkeys(test for path in paths for test in TARGETS[path])
    return pytest.main([*options, *tests], plugins) == pytest.ExitCode.OK


def _run_instead(mutant: Mutant) -> bool:
    sys.meta_path.insert(0, _Loader(mutant))
    return _run([mutant.path])


def _try(mutant: Mutant, tests: list[pytest.Item], session: pytest.Session) -> bool:
    swap_code(mutant)
    return _run_only(tests, session)


def _run_only(tests: list[pytest.Item], session: pytest.Session) -> bool:
    session.items = tests
    return _all_pass(session)


def _all_pass(session: pytest.Session) -> bool:
    try:
        run_tests(session)
    except (session.Failed, session.Interrupted):
        return False
    return not session.testsfailed


def _keep_database() -> None:
    """Have the tests use the database that is there as it is, instead of looking first whether it is up to date."""
    from django.db import connection
    from django.test import utils

    connection.settings_dict["NAME"] = f"test_{connection.settings_dict['NAME']}"
    utils.setup_databases = lambda **_: []


def swap_code(mutant: Mutant) -> None:
    """Give the module's functions, wherever they are held by now, the mutant's code."""
    codes = {(code.co_qualname, code.co_firstlineno): code for code in _codes_in(code_of(mutant))}
    file = str(BASE_DIR / mutant.path)
    # What is frozen (tests/plugin.py does it once all is loaded) is told to nobody.
    gc.unfreeze()
    for function in gc.get_objects():
        # By its type alone: a lazy object would wake up if it were asked for its class.
        if type(function) is types.FunctionType and function.__code__.co_filename == file:
            function.__code__ = codes[function.__code__.co_qualname, function.__code__.co_firstlineno]


def _codes_in(code: types.CodeType) -> list[types.CodeType]:
    inner = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return [*inner, *(deeper for each in inner for deeper in _codes_in(each))]
