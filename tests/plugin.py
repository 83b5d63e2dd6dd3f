"""Starts the servers that tests need before Django reads its settings (hence a plugin, not a conftest)."""

import os
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.services import throwaway_services

_stack = ExitStack()


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    options = early_config.known_args_namespace
    # Given: many short runs share them (tests/mutants).
    if not (options.help or options.version or "LIVEHUB_TEST_SERVICES" in os.environ):
        os.environ.update(_stack.enter_context(throwaway_services()))
    return (yield)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the files whose tests watch a running product over the others, which keep the machine busy meanwhile."""
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    watching = [path for path, found in files.items() if any("stack" in _fixtures(item) for item in found)]
    others = [path for path in files if path not in watching]
    places = {path: index / len(group) for group in (watching, others) for index, path in enumerate(group)}
    items.sort(key=lambda item: places[item.path])


def _fixtures(item: pytest.Item) -> list[str]:
    return item.fixturenames if isinstance(item, pytest.Function) else []


def pytest_unconfigure() -> None:
    _stack.close()
