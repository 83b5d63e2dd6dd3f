"""Starts the servers that tests need before Django reads its settings, hence a plugin; and says who tests what when."""

import gc
import os
from collections.abc import Generator
from contextlib import ExitStack, suppress
from importlib import import_module
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

from tests.services import GIVEN_CLUSTER, migrated_cluster, throwaway_services

_stack = ExitStack()
# Folders of tests that mostly wait, and how far into the run the last of them begins.
_WAITING = frozenset({"browser", "e2e", "hangs", "media", "stack"})
_WAITING_UNTIL = 0.75
# Folders of tests that share a run of the whole product, which each worker that has any of them starts for itself, and
# how many workers are to. They wait so much that two are through before the others are.
_SHARING = frozenset({"browser", "e2e"})
_WITH_RUN = 2


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    # Until all is collected: what is made by then stays, and looking through it for what could go takes a third longer.
    gc.disable()
    options = early_config.known_args_namespace
    # Given: many short runs share them (tests/mutants).
    if not (options.help or options.version or "LIVEHUB_TEST_SERVICES" in os.environ):
        # With several processes, this one runs no test.
        has_others = getattr(options, "numprocesses", None) and GIVEN_CLUSTER not in os.environ
        os.environ.update(_stack.enter_context(migrated_cluster() if has_others else throwaway_services()))
    return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Have each worker begin with modules of its own, so that it finds what the others have made of theirs.

    All beginning with the first, each would make of every module what pytest does: 4 s of a core.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers == 1 or session.config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    root = session.config.rootpath
    modules = [path.relative_to(root).with_suffix("") for path in sorted((root / "tests").rglob("test_*.py"))]
    first = len(modules) * int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw")) // workers
    for module in (*modules[first:], *modules[:first]):
        # One that cannot be loaded is told of when its tests are collected.
        with suppress(Exception, pytest.skip.Exception):
            import_module(".".join(module.parts))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        # Real encoders and Chromium, four workers on two cores: now and then the machine starves one of them, and what
        # is shown then, be it right, is not what the test is about. What fails twice fails. Not what computes, and no
        # race and no proof behind `chaos`: there a failure in a hundred is what is looked for.
        if _is_tried_again(item):
            item.add_marker(pytest.mark.flaky(reruns=1))
    _spread(items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, object, object]:
    # What waits 600 s for an encoder when its test fails would be there for the next ones, and the second try.
    stack = getattr(item, "funcargs", {}).get("stack")
    if call.when == "call" and call.excinfo is not None and stack is not None and _is_tried_again(item):
        # Loads what reads settings.
        reruns = import_module("tests.reruns")
        item.add_report_section("call", "broadcasts left", reruns.end_broadcasts(stack))
    return (yield)


def _is_tried_again(item: pytest.Item) -> bool:
    return _is_marked(item, "e2e", "browser") and not _is_marked(item, "chaos", "bench")


def _is_marked(item: pytest.Item, *names: str) -> bool:
    return any(item.get_closest_marker(name) for name in names)


def _spread(items: list[pytest.Item]) -> None:
    """Spread the files whose tests wait for real programs over those that compute, which are left for the end."""
    files = {path: path.parent.name in _WAITING for path in dict.fromkeys(item.path for item in items)}
    waiting = [path for path, is_waiting in files.items() if is_waiting]
    computing = [path for path, is_waiting in files.items() if not is_waiting]
    places = {path: _WAITING_UNTIL * index / len(waiting) for index, path in enumerate(waiting)}
    places |= {path: index / len(computing) for index, path in enumerate(computing)}
    items.sort(key=lambda item: places[item.path])


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


class _FewRuns(LoadFileScheduling):  # type: ignore[misc]  # It has no types.
    """Gives the files that share a run of the whole product to few workers, as long as others have something else."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        has_run = node in self.nodes[:_WITH_RUN]
        wanted = next((path for path in self.workqueue if _shares_run(path) is has_run), None)
        if wanted is not None:
            self.workqueue.move_to_end(wanted, last=False)
        super()._assign_work_unit(node)


def _shares_run(path: str) -> bool:
    return Path(path).parent.name in _SHARING


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    return _FewRuns(config, log)


def pytest_unconfigure() -> None:
    _stack.close()
