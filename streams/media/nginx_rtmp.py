"""Asking nginx-rtmp what is being published, and cutting a publisher: its stat and control pages.

Both listen on a Unix socket, because they ask nobody who they are.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import httpx

from streams.media.errors import IngestSilentError

_APPLICATION = "live"
# In all: neither a server that accepts and never answers takes longer, nor one that sends a byte now and then.
_TIMEOUT_S = 2.0


class IngestUnavailableError(IngestSilentError):
    """The ingest server did not answer this once."""


@dataclass(frozen=True)
class Publisher:
    """What nginx-rtmp knows of an encoder; a codec is empty as long as nothing of it came.

    `subscribers` are the pulls that have joined, `bytes_out` is the media that was sent to them: nothing, until a key
    frame comes.
    """

    client_id: str
    video_codec: str
    audio_codec: str
    bytes_in: int
    bytes_out: int
    subscribers: int


@dataclass(frozen=True)
class IngestServer:
    """One nginx-rtmp; `pull_base_url` ends with a slash.

    Its methods block for 2 s at most, and are not for threads that run an event loop.
    """

    pull_base_url: str
    control_socket: Path

    def pull_url(self, name: str) -> str:
        """Return where a stream is to be pulled from."""
        return f"{self.pull_base_url}{name}"

    def list_publishers(self) -> dict[str, Publisher]:
        """Return who publishes, by stream name.

        :raises IngestUnavailableError: when the server does not answer.
        """
        try:
            stat = ElementTree.fromstring(self._get("/stat"))  # noqa: S314  # nginx-rtmp's own, without entities.
        except ElementTree.ParseError as error:
            raise IngestUnavailableError("The ingest server's stat page is not XML.") from error
        streams = stat.iterfind(f".//application[name='{_APPLICATION}']/live/stream")
        return {
            stream.findtext("name", ""): _publisher(stream)
            for stream in streams
            if stream.find("publishing") is not None
        }

    def find_publisher(self, name: str) -> Publisher | None:
        """Return who publishes under a stream name, or None.

        :raises IngestUnavailableError: when the server does not answer.
        """
        return self.list_publishers().get(name)

    def drop_publisher(self, name: str) -> bool:
        """Cut the encoder that publishes under a stream name; tell whether there was one.

        :raises IngestUnavailableError: when the server does not answer.
        """
        dropped = self._get("/control/drop/publisher", app=_APPLICATION, name=name)
        return dropped.strip() not in {b"", b"0"}

    def _get(self, path: str, **query: str) -> bytes:
        try:
            return asyncio.run(self._fetch(path, query))
        except (TimeoutError, httpx.HTTPError) as error:
            raise IngestUnavailableError(
                f"The ingest server does not answer: {error or 'it takes too long'}."
            ) from error

    async def _fetch(self, path: str, query: dict[str, str]) -> bytes:
        # httpx bounds each read, not the answer; only asyncio's timeout ends one that drips.
        async with asyncio.timeout(_TIMEOUT_S):
            # Without certificates to load a client costs a millisecond, so none is kept.
            transport = httpx.AsyncHTTPTransport(uds=str(self.control_socket), verify=False)
            async with httpx.AsyncClient(transport=transport, trust_env=False, timeout=_TIMEOUT_S) as client:
                response = await client.get(f"http://localhost{path}", params=query)
                return response.raise_for_status().content


def _publisher(stream: ElementTree.Element) -> Publisher:
    return Publisher(
        client_id=next(
            (
                client.findtext("id", "")
                for client in stream.iterfind("client")
                if client.find("publishing") is not None
            ),
            "",
        ),
        video_codec=stream.findtext("meta/video/codec", ""),
        audio_codec=stream.findtext("meta/audio/codec", ""),
        bytes_in=int(stream.findtext("bytes_in", "0")),
        bytes_out=int(stream.findtext("bytes_out", "0")),
        subscribers=sum(client.find("publishing") is None for client in stream.iterfind("client")),
    )
