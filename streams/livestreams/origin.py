"""The program that tells players what there is, on this node: it reads journals, and is told when to."""

import socket
from contextlib import suppress
from functools import cache
from pathlib import Path

from django.conf import settings


def tell_of(folder: Path) -> None:
    """Say that something was written into a session's journal.

    Nobody waits for the origin, and nothing depends on this: it looks by itself where players wait.
    """
    message = f"{folder.parent.name}/{folder.name}".encode()
    with suppress(OSError):
        _sender().sendto(message, str(settings.NUDGE_SOCKET))


@cache
def _sender() -> socket.socket:
    """Return what all threads send with: parts are told of many times a second."""
    return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
