from collections.abc import Iterator

import pytest
from pytest_django import Settings

from streams.models import Livestream, Session
from tests.media.ingest import Ingest, running_ingest
from tests.runs import connected


@pytest.fixture
def session(livestream: Livestream) -> Session:
    """A session whose encoder has just connected."""
    return connected(livestream)


@pytest.fixture(scope="module")
def ingest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ingest]:
    with running_ingest(tmp_path_factory.mktemp("ingest")) as server:
        yield server


@pytest.fixture
def pulls(settings: Settings, ingest: Ingest) -> None:
    """Let this node pull from the tests' ingest server."""
    settings.INGEST_PULL_URL = ingest.server.pull_base_url
    settings.INGEST_CONTROL_SOCKET = ingest.server.control_socket
