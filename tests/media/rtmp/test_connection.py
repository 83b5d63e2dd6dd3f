"""A connection to a server that takes its clients' room: what waits for it stays little."""

import asyncio
import socket
import ssl

import pytest

from streams.media.rtmp.addresses import parse_target
from streams.media.rtmp.chunks import MessageType, render_message
from streams.media.rtmp.connection import Ways, connected
from streams.media.rtmp.failures import PushError
from tests.media.rtmp_servers import accept_broadcast, listening

# Each asks for as many bytes as it has.
_PINGS = 150_000
_WAYS = Ways(
    is_refused=lambda address: False,
    refused_ports=frozenset(),
    tls=ssl.create_default_context(),
    describe_certificate=str,
)


def _only_asks(connection: socket.socket) -> None:
    """Accept the broadcast, ask for answers without end, and read none."""
    accept_broadcast(connection)
    ping = b"".join(
        render_message(MessageType.CONTROL, b"\0\x06" + bytes(4), chunk_stream=2, chunk_size=65536),
    )
    connection.sendall(ping * _PINGS)
    connection.shutdown(socket.SHUT_WR)


def test_answers_do_not_pile_up_for_a_server_that_reads_none() -> None:
    async def listen(port: int) -> int:
        async with connected(parse_target(f"rtmp://127.0.0.1:{port}/live", "key"), _WAYS) as connection:
            await connection.publish()
            with pytest.raises(PushError):
                # Until it has said all.
                await connection.listen()
            return connection._writer.transport.get_write_buffer_size()

    with listening(_only_asks) as port:
        waiting = asyncio.run(listen(port))

    assert 0 < waiting <= 1024 * 1024 + 100
