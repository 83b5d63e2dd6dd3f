from pathlib import Path

import pytest
from pytest_django import Settings

from streams.models import Livestream, Session
from tests.runs import connected


@pytest.fixture(autouse=True)
def folders(settings: Settings, tmp_path: Path) -> None:
    """Files of the test's own, and livestreams that are recorded."""
    settings.PLAYBACK_DIR = tmp_path / "playback"
    settings.RECORDING_SPOOL_DIR = settings.PLAYBACK_DIR / ".recordings"
    settings.RECORDINGS_DIR = tmp_path / "recordings"
    settings.RECORDINGS_PLAYED_DIR = tmp_path / "played"
    settings.RECORD_AUTOMATICALLY = True
    # The disk of a machine that tests run on may be as full as it likes.
    settings.DISK_STOP_PERCENT, settings.DISK_STOP_MB = 100, 0


@pytest.fixture
def session(livestream: Livestream) -> Session:
    """A session whose encoder has just connected."""
    return connected(livestream)
