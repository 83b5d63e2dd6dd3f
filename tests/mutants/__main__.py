"""Break the product's core in small ways, one at a time, and see whether its tests notice (make mutants).

`python -m tests.mutants [path]...` prints what no test noticed. A mutant exists only in the process that tests it: no
file is changed. mutmut, the usual tool, leaves out every function that has a decorator (here: each service that is a
transaction) and all that a module says outside of its functions.
"""

import os
import sys
import types
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue

import pytest

from tests.mutants.changes import BASE_DIR, Mutant, code_of, list_mutants
from tests.mutants.survivors import TOLERATED
from tests.mutants.targets import TARGETS
from tests.services import throwaway_services

_WORKERS = 2
# A mutant that waits for ever has been noticed, too.
_TIMEOUT_S = 120
_BARE_TIMEOUT_S = 20
# The media plane is told everything by values: its tests are many times faster without Django.
_PURE = "streams/media/"
_BARE = ("-c", os.devnull, f"--rootdir={BASE_DIR}", "--noconftest", "-p", "no:django")
_WHOLE = ("--reuse-db",)
# What all mutants need and none changes is imported once.
_PRELOADED = (
    *("celery.app.base", "channels.layers", "cryptography.fernet", "django.test", "django_htmx.middleware"),
    *("drf_spectacular.views", "httpx", "psycopg_pool", "pytest_django.plugin", "redis"),
)


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


def main(paths: list[str]) -> int:
    """Test the mutants of some modules; print each survivor when it is found, and return 1 when one has no reason."""
    mutants = [mutant for path in paths for mutant in list_mutants(path)]
    survivors: list[Mutant] = []
    with _workers() as pool:
        failing = [path for path in paths if pool.submit(_is_noticed, path, None).result()]
        if failing:
            raise SystemExit(f"The tests fail without a mutant: {', '.join(failing)}")
        verdicts = {pool.submit(_is_noticed, mutant.path, mutant): mutant for mutant in mutants}
        for verdict in as_completed(verdicts):
            if not verdict.result():
                survivors.append(verdicts[verdict])
                print(_described(verdicts[verdict]), flush=True)
    for path in paths:
        _print_total(path, of=[mutant for mutant in mutants if mutant.path == path], survivors=survivors)
    _print_total("all", of=mutants, survivors=survivors)
    return 1 if any(_reason(mutant) is None for mutant in survivors) else 0


def _print_total(what: str, *, of: list[Mutant], survivors: list[Mutant]) -> None:
    left = [mutant for mutant in of if mutant in survivors]
    without = sum(_reason(mutant) is None for mutant in left)
    print(f"{what}: {len(left)} of {len(of)} mutants survived ({len(left) / len(of):.0%}), {without} without a reason")


def _described(survivor: Mutant) -> str:
    reason = _reason(survivor)
    return f"{survivor}" if reason is None else f"{survivor}  ({reason})"


def _reason(mutant: Mutant) -> str | None:
    """Return why no test need notice it, if somebody has looked at it."""
    return TOLERATED.get((mutant.path, mutant.text, mutant.what))


@contextmanager
def _workers() -> Iterator[ProcessPoolExecutor]:
    """Yield workers with servers of their own; the tests of a worker's mutants share them, and the database in them."""
    fork = get_context("fork")
    environments: SimpleQueue[dict[str, str]] = fork.SimpleQueue()
    with ExitStack() as servers:
        for _ in range(_WORKERS):
            environments.put(servers.enter_context(throwaway_services()))
        yield servers.enter_context(ProcessPoolExecutor(_WORKERS, fork, initializer=_start, initargs=(environments,)))


def _start(environments: "SimpleQueue[dict[str, str]]") -> None:
    os.environ |= environments.get()
    os.environ |= {"DJANGO_SETTINGS_MODULE": "livehub.settings", "LIVEHUB_TEST_SERVICES": "given"}
    for name in _PRELOADED:
        import_module(name)


def _is_noticed(path: str, mutant: Mutant | None) -> bool:
    tests = get_context("fork").Process(target=_test, args=(path, mutant))
    tests.start()
    tests.join(_BARE_TIMEOUT_S if path.startswith(_PURE) else _TIMEOUT_S)
    if tests.is_alive():
        tests.kill()
        tests.join()
    return tests.exitcode != pytest.ExitCode.OK


def _test(path: str, mutant: Mutant | None) -> None:
    if mutant:
        sys.meta_path.insert(0, _Loader(mutant))
    silence = os.open(os.devnull, os.O_WRONLY)
    for output in (sys.stdout, sys.stderr):
        os.dup2(silence, output.fileno())
    bare = path.startswith(_PURE)
    os._exit(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *(_BARE if bare else _WHOLE), *TARGETS[path]]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or list(TARGETS)))
