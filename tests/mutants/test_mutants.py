"""The mutants themselves: each is another module than the real one, and what is to be broken is there."""

import gc
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.mutants.changes import BASE_DIR, code_of, list_mutants
from tests.mutants.survivors import TOLERATED
from tests.mutants.targets import TARGETS
from tests.mutants.trials import swap_code

MODULE = '''
"""Docstring."""
LIMIT: int = 3

@decorated
def grow(value):
    if value is None and LIMIT > 2:
        raise ValueError("There is none.")
    if value == LIMIT:
        raise ValueError(f"No more than {LIMIT}")
    return add(value, by=1 if value else LIMIT)
'''


@pytest.fixture
def module(tmp_path: Path) -> str:
    path = tmp_path / "module.py"
    path.write_text(MODULE)
    return str(path)


@pytest.mark.parametrize(
    "change",
    [
        "3  ->  4",
        "value is None  ->  value is not None",
        "LIMIT > 2  ->  LIMIT >= 2",
        "value is None and LIMIT > 2  ->  value is None or LIMIT > 2",
        "raise ValueError('There is none.')  ->  pass",
        "add(value, by=1 if value else LIMIT)  ->  add(value)",
        "return add(value, by=1 if value else LIMIT)  ->  return None",
        "@decorated  ->  def grow(value):",
    ],
)
def test_breaks_what_can_be_broken(module: str, change: str) -> None:
    assert change in [str(mutant).partition(": ")[2] for mutant in list_mutants(module)]


def test_leaves_alone_what_means_nothing(module: str) -> None:
    changed = {mutant.before for mutant in list_mutants(module)}

    assert not changed & {"'Docstring.'", "int", "'There is none.'", "'No more than '"}


def test_each_is_another_program(module: str) -> None:
    codes = [code_of(mutant) for mutant in list_mutants(module)]

    original = compile(MODULE, module, "exec")
    assert len({*codes, original}) == len(codes) + 1


def test_functions_are_changed_wherever_they_are_held(module: str) -> None:
    loaded: dict[str, Callable[..., object]] = {
        "decorated": lambda function: partial(function),
        "add": lambda value, by: value + by,
    }
    exec(compile(MODULE, module, "exec"), loaded)  # noqa: S102  # What is imported otherwise.
    grow = loaded["grow"]
    (mutant,) = (mutant for mutant in list_mutants(module) if mutant.what.startswith("add(") and "by" in mutant.before)
    assert grow(1) == 2
    gc.freeze()

    swap_code(mutant)

    gc.freeze()
    with pytest.raises(TypeError):
        grow(1)


def test_knows_what_is_changed_only_by_another_import(module: str) -> None:
    outside = {mutant.what for mutant in list_mutants(module) if mutant.function is None}

    assert outside == {"3  ->  4", "@decorated  ->  def grow(value):"}


def test_what_is_to_be_broken_and_what_is_to_notice_is_there() -> None:
    paths = {*TARGETS, *(test for tests in TARGETS.values() for test in tests)}

    assert {path for path in paths if not (BASE_DIR / path).exists()} == set()


def test_what_is_tolerated_can_still_be_broken() -> None:
    paths = {path for path, _, _ in TOLERATED}
    mutants = {(path, mutant.text, mutant.what) for path in paths for mutant in list_mutants(path)}

    assert TOLERATED.keys() - mutants == set()
