import pytest

from streams.models import Livestream, Session
from tests.runs import connected


@pytest.fixture
def session(livestream: Livestream) -> Session:
    """A session whose encoder has just connected."""
    return connected(livestream)
