"""One test for many cases: what a test costs beside them (its fixtures, its transaction, its report) is paid once."""

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

from tests.access.conftest import undone

# Told with all that led to them; the others by their names.
_TOLD_WHOLE = 5
_Test = Callable[..., None]


def for_each(names: str, cases: Iterable[Any]) -> Callable[[_Test], _Test]:
    """Run the decorated test with each case in turn, take back what each changes, and tell of all that fail.

    As in `pytest.mark.parametrize`, a case is the value of the one name, or a tuple of the values of `names`.
    """
    arguments = [name.strip() for name in names.split(",")]
    all_cases = [dict(zip(arguments, case if len(arguments) > 1 else (case,), strict=True)) for case in cases]

    def decorate(test: _Test) -> _Test:
        @functools.wraps(test)
        def run(*args: object, **fixtures: object) -> None:
            _run_each(lambda case: test(*args, **fixtures, **case), all_cases)

        signature = inspect.signature(test)
        others = [each for name, each in signature.parameters.items() if name not in arguments]
        run.__signature__ = signature.replace(parameters=others)  # type: ignore[attr-defined]  # What pytest reads.
        return run

    return decorate


def _run_each(run: Callable[[dict[str, Any]], None], cases: list[dict[str, Any]]) -> None:
    assert cases
    failed: list[Exception] = []
    names: list[str] = []
    for case in cases:
        try:
            with undone():
                run(case)
        except Exception as error:  # Told below, with the others.
            name = ", ".join(map(str, case.values()))
            error.add_note(f"Case: {name}")
            failed.append(error)
            names.append(name)
    if failed:
        message = "\n".join([f"{len(failed)} of {len(cases)} cases", *names])
        raise ExceptionGroup(message, failed[:_TOLD_WHOLE])
