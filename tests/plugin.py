"""Starts the servers that tests need before Django reads its settings (hence a plugin, not a conftest)."""

import os
from collections.abc import Generator
from contextlib import ExitStack

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


def pytest_unconfigure() -> None:
    _stack.close()
