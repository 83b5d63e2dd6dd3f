from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.client import Integrator, Stream
from tests.stack.whole import RunningStack, running_stack


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """One run of the whole product for all tests here; each makes a livestream of its own."""
    folder: Path = tmp_path_factory.mktemp("stack")
    with running_stack(folder) as running:
        yield running


@pytest.fixture
def stream(stack: RunningStack) -> Stream:
    return Integrator.of(stack).create()
