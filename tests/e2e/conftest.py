import pytest

from tests.e2e.client import Integrator, Stream
from tests.stack.whole import RunningStack


@pytest.fixture
def stream(stack: RunningStack) -> Stream:
    return Integrator.of(stack).create()
