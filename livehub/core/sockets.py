"""Asking our own servers over the Unix sockets that they listen on."""

from collections.abc import Mapping
from pathlib import Path

import httpx


def ask(socket_path: Path, path: str, *, timeout_s: float, headers: Mapping[str, str] | None = None) -> httpx.Response:
    """Return the answer to a GET, whatever its status.

    :raises httpx.HTTPError: when nobody answers in time.
    """
    # They speak no TLS, and loading the certificates for that takes longer than the question.
    transport = httpx.HTTPTransport(uds=str(socket_path), verify=False)
    with httpx.Client(transport=transport, timeout=timeout_s) as client:
        return client.get(f"http://localhost{path}", headers=headers)
