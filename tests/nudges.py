"""The origin, as far as whoever tells it of something new is concerned."""

import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_django import Settings

from tests.services import HANG_S

_DATAGRAMS = (socket.AF_UNIX, socket.SOCK_DGRAM)


@contextmanager
def nudged(settings: Settings) -> Iterator[socket.socket]:
    """Listen where the origin would, for as long as the block lasts; the path is short, as sockets' have to be."""
    with tempfile.TemporaryDirectory(prefix="lh-nudge-") as folder, socket.socket(*_DATAGRAMS) as origin:
        settings.NUDGE_SOCKET = Path(folder) / "nudge.sock"
        origin.bind(str(settings.NUDGE_SOCKET))
        origin.settimeout(HANG_S)
        yield origin
