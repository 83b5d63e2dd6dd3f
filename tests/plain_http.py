"""HTTP with servers of tests that speak no TLS."""

from pathlib import Path
from typing import Any

import httpx

from tests.services import HANG_S


def plain_client(*, uds: Path | None = None, **options: Any) -> httpx.Client:
    """Return a client without certificates, which take 25 ms of a core to load: most answers take less.

    `uds` is the Unix socket of a server that listens on one; `options` are httpx's.
    """
    transport = httpx.HTTPTransport(uds=str(uds) if uds else None, verify=False)
    return httpx.Client(transport=transport, **{"timeout": HANG_S} | options)


def fetch(url: str | httpx.URL, **headers: str) -> httpx.Response:
    """Get something once, over a connection of its own, however busy the machine is."""
    with plain_client() as client:
        return client.get(url, headers=headers)
