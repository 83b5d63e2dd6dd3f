from collections.abc import Iterator

import pytest

from tests.stack.whole import RunningStack, running_stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A run of its own: its programs are killed."""
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running
