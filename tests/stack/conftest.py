"""An instance that is described, not run."""

from pathlib import Path

import pytest

from livehub.stack.instance import Instance
from tests.stack.instances import fresh_instance


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    return fresh_instance(tmp_path)
