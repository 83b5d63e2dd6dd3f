"""Starts the servers that tests need before Django reads its settings (hence a plugin, not a conftest)."""

import os
from collections.abc import Generator
from contextlib import ExitStack

import pytest

from tests.services import throwaway_services

_stack = ExitStack()
# Folders of tests that mostly wait, and how far into the run the last of them begins.
_WAITING = frozenset({"browser", "e2e", "hangs", "media", "stack"})
_WAITING_UNTIL = 0.75


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    options = early_config.known_args_namespace
    # Given: many short runs share them (tests/mutants).
    if not (options.help or options.version or "LIVEHUB_TEST_SERVICES" in os.environ):
        os.environ.update(_stack.enter_context(throwaway_services()))
    return (yield)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the files whose tests wait for real programs over those that compute, which are left for the end."""
    files = {path: path.parent.name in _WAITING for path in dict.fromkeys(item.path for item in items)}
    waiting = [path for path, is_waiting in files.items() if is_waiting]
    computing = [path for path, is_waiting in files.items() if not is_waiting]
    places = {path: _WAITING_UNTIL * index / len(waiting) for index, path in enumerate(waiting)}
    places |= {path: index / len(computing) for index, path in enumerate(computing)}
    items.sort(key=lambda item: places[item.path])


def pytest_unconfigure() -> None:
    _stack.close()
