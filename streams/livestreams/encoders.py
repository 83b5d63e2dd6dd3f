"""What the ingest nodes know of encoders. No answer means that nobody knows, never that an encoder is gone."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from django.conf import settings

from streams.livestreams.models import Connection
from streams.media.nginx_rtmp import IngestServer, IngestUnavailableError


@dataclass(frozen=True)
class IngestSource:
    """Where a stream is to be pulled from: the ingest node that has its encoder, and its name there."""

    node: str
    name: str

    @classmethod
    def of(cls, connection: Connection) -> Self:
        return cls(connection.node, connection.pk.hex)

    @property
    def server(self) -> IngestServer:
        """The node's server.

        :raises IngestUnavailableError: when this machine knows no such node.
        """
        return _server_of(self.node)


def drop_encoder(source: IngestSource) -> None:
    """Cut an encoder; one that is gone already stays so.

    :raises IngestUnavailableError: when its node does not answer.
    """
    source.server.drop_publisher(source.name)


def list_publishing(nodes: Iterable[str]) -> dict[str, set[str]]:
    """Return the names of the streams that each node has an encoder for; a node that does not answer is left out."""
    found = {}
    for node in nodes:
        try:
            found[node] = set(_server_of(node).list_publishers())
        except IngestUnavailableError:
            continue  # Left out, as promised: it is for the caller to know how long to believe in its encoders.
    return found


def _server_of(node: str) -> IngestServer:
    if node != settings.NODE:
        raise IngestUnavailableError(f"The ingest node {node} is not known here; this one is {settings.NODE}.")
    return IngestServer(pull_base_url=settings.INGEST_PULL_URL, control_socket=settings.INGEST_CONTROL_SOCKET)
