"""Clips, an ingest server, and broadcasts from it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.media.broadcasts import Broadcast
from tests.media.clips import flv
from tests.media.ingest import Ingest, running_ingest
from tests.services import HANG_S


@pytest.fixture(scope="session")
def small_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """6 s of a picture so small that it is passed through only: a key frame every half second."""
    path = tmp_path_factory.mktemp("clips") / "small.flv"
    path.write_bytes(flv(size="320x180", gop=15, seconds=6))
    return path


@pytest.fixture(scope="module")
def ingest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ingest]:
    with running_ingest(tmp_path_factory.mktemp("ingest")) as server:
        yield server


@pytest.fixture
def fragile_ingest(tmp_path: Path) -> Iterator[Ingest]:
    """One that a test may stop or kill; however long it was stopped, it does not cut its encoder for that."""
    folder = tmp_path / "fragile"
    folder.mkdir()
    with running_ingest(folder, bound_s=4 * HANG_S) as server:
        yield server


@pytest.fixture
def broadcast(tmp_path: Path) -> Iterator[Broadcast]:
    """A run of the media plane; `start` begins it, and it ends with the test."""
    run = Broadcast(tmp_path / "playback")
    yield run
    run.end()
