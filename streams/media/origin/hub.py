"""The machine that an edge node passes the playback of on, asked as any viewer asks."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import TracebackType

import httpx

# Longer than any answer of an origin takes.
_BOUND_S = 20.0
_CONNECT_S = 3.0


class Hub:
    """Holds the connections to it."""

    def __init__(self, url: str, *, connections: int) -> None:
        """`url` is what comes before a livestream's playback id, without a slash at the end."""
        self._url = url
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        timeout = httpx.Timeout(_BOUND_S, connect=_CONNECT_S)
        self._http = httpx.AsyncClient(limits=limits, timeout=timeout, trust_env=False)

    async def __aenter__(self) -> "Hub":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    @asynccontextmanager
    async def get(
        self, path: str, *, token: str, headers: Mapping[str, str], follows: bool = False
    ) -> AsyncIterator[httpx.Response]:
        """Ask for what lies at a path, with a viewer's token where there is one; `follows` to another machine's, too.

        :raises httpx.HTTPError: when there is no answer; says nothing of the token.
        """
        door = f"/t/{token}" if token else ""
        url = f"{self._url}{door}{path}"
        async with self._http.stream("GET", url, headers=headers, follow_redirects=follows) as response:
            yield response
