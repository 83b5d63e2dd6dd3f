"""Asking nginx-rtmp what is being published, and cutting a publisher: its stat and control pages.

Both listen on a Unix socket, because they ask nobody who they are.
"""

import http.client
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode
from xml.etree import ElementTree

_APPLICATION = "live"
_TIMEOUT_S = 2.0


class IngestUnavailableError(Exception):
    """The ingest server does not answer."""


@dataclass(frozen=True)
class Publisher:
    """What nginx-rtmp knows of an encoder; the codec is empty as long as no video came."""

    video_codec: str
    audio_codec: str
    bytes_in: int


def find_publisher(control_socket: Path, *, name: str) -> Publisher | None:
    """Return who publishes under a stream name, or None.

    :raises IngestUnavailableError: when the ingest server does not answer.
    """
    for stream in _stat(control_socket).iterfind(f".//application[name='{_APPLICATION}']/live/stream"):
        if stream.findtext("name") == name and stream.find("publishing") is not None:
            return Publisher(
                video_codec=stream.findtext("meta/video/codec", ""),
                audio_codec=stream.findtext("meta/audio/codec", ""),
                bytes_in=int(stream.findtext("bytes_in", "0")),
            )
    return None


def drop_publisher(control_socket: Path, *, name: str) -> bool:
    """Cut the encoder that publishes under a stream name; tell whether there was one.

    :raises IngestUnavailableError: when the ingest server does not answer.
    """
    dropped = _get(control_socket, f"/control/drop/publisher?{urlencode({'app': _APPLICATION, 'name': name})}")
    return dropped.strip() not in {b"", b"0"}


def _stat(control_socket: Path) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(_get(control_socket, "/stat"))  # noqa: S314  # nginx-rtmp's own, without entities.
    except ElementTree.ParseError as error:
        raise IngestUnavailableError("The ingest server's stat page is not XML.") from error


def _get(control_socket: Path, path: str) -> bytes:
    connection = _UnixConnection(control_socket)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    except (OSError, http.client.HTTPException) as error:
        raise IngestUnavailableError(f"The ingest server does not answer: {error}.") from error
    finally:
        connection.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(_TIMEOUT_S)
        self.sock.connect(str(self._path))
