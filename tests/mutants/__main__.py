"""Break the product's core in small ways, one at a time, and see whether its tests notice (make mutants).

`python -m tests.mutants [path]...` prints what no test noticed. A mutant exists only in the process that tests it: no
file is changed. mutmut, the usual tool, leaves out every function that has a decorator (here: each service that is a
transaction) and all that a module says outside of its functions.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait

from tests.mutants.changes import Mutant, list_mutants
from tests.mutants.survivors import TOLERATED
from tests.mutants.targets import TARGETS
from tests.mutants.trials import Trials, is_pure
from tests.services import throwaway_services

_WORKERS = 2
# What all mutants need and none changes is imported once.
_PRELOADED = (
    *("celery.app.base", "channels.layers", "cryptography.fernet", "django.test", "django_htmx.middleware"),
    *("drf_spectacular.views", "httpx", "psycopg_pool", "pytest_django.plugin", "redis"),
)
_fork = get_context("fork")


def main(paths: list[str]) -> int:
    """Test the mutants of some modules; print each survivor when it is found, and return 1 when one has no reason."""
    mutants = [mutant for path in paths for mutant in list_mutants(path)]
    survivors = []
    with ExitStack() as servers:
        environments = [servers.enter_context(throwaway_services()) for _ in range(_WORKERS)]
        for alike in ([mutant for mutant in mutants if is_pure(mutant.path) == pure] for pure in (False, True)):
            for survivor in _find_survivors(alike, environments):
                survivors.append(survivor)
                print(_described(survivor), flush=True)
    for path in paths:
        _print_total(path, of=[mutant for mutant in mutants if mutant.path == path], survivors=survivors)
    _print_total("all", of=mutants, survivors=survivors)
    return 1 if any(_reason(mutant) is None for mutant in survivors) else 0


def _find_survivors(mutants: list[Mutant], environments: list[dict[str, str]]) -> Iterator[Mutant]:
    """Yield each when it is found.

    :raises SystemExit: when the tests fail without a mutant, or a worker does.
    """
    tried = 0
    for mutant, is_noticed in _try_all(Trials(mutants, workers=len(environments)), environments):
        if mutant is None and is_noticed:
            raise SystemExit("The tests fail without a mutant.")
        tried += mutant is not None
        if mutant is not None and not is_noticed:
            yield mutant
    if tried < len(mutants):
        raise SystemExit(f"Only {tried} of {len(mutants)} mutants were tried.")


def _try_all(trials: Trials, environments: list[dict[str, str]]) -> Iterator[tuple[Mutant | None, bool]]:
    """Share the trials out to workers with servers, and a database in them, of their own; yield their verdicts."""
    readers: list[Connection] = []
    for environment in environments if trials.paths else ():
        reader, verdicts = _fork.Pipe(duplex=False)
        # They end by themselves: a daemon must not fork.
        _fork.Process(target=_work, args=(trials, environment, verdicts)).start()
        verdicts.close()
        readers.append(reader)
    while readers:
        ready = wait(readers)
        for reader in [reader for reader in readers if reader in ready]:
            try:
                yield reader.recv()
            except EOFError:
                readers.remove(reader)


def _work(trials: Trials, environment: dict[str, str], verdicts: Connection) -> None:
    os.environ |= environment
    os.environ |= {"DJANGO_SETTINGS_MODULE": "livehub.settings", "LIVEHUB_TEST_SERVICES": "given"}
    for name in _PRELOADED:
        import_module(name)
    trials.run(verdicts)


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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or list(TARGETS)))
