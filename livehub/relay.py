"""The relay's program: playlists and files of an origin on another host, for the players of this one.

Run by `python -m livehub.relay SOCKET ORIGIN_URL FOLDER MEGABYTES`, without Django.
"""

import asyncio
import sys
from pathlib import Path

import uvloop

from livehub import open_files
from livehub.heartbeat import beat_in_loop
from streams.media.origin.hub import Hub
from streams.media.origin.relay import Relay
from streams.media.origin.relayed_permissions import RelayedPermissions
from streams.media.origin.server import Server

_MEDIA_CONNECTIONS = 2048
# Of their own: however many wait for media, who may play can be asked.
_PERMISSION_CONNECTIONS = 128


async def _relay(socket_path: str, origin_url: str, root: Path, *, bytes_at_most: int) -> None:
    async with (
        Hub(origin_url, connections=_MEDIA_CONNECTIONS) as media,
        Hub(origin_url, connections=_PERMISSION_CONNECTIONS) as permissions,
    ):
        relay = Relay(media, root, bytes_at_most=bytes_at_most)
        server = Server(relay, RelayedPermissions(permissions))
        listener = await server.listen(socket_path)
        await asyncio.gather(listener.serve_forever(), relay.look_after(), server.sweep(), beat_in_loop())


def main(socket_path: str, origin_url: str, folder: str, megabytes: str) -> None:
    """Serve until a signal ends the process."""
    open_files.allow_all()
    uvloop.run(_relay(socket_path, origin_url, Path(folder), bytes_at_most=int(megabytes) << 20))


if __name__ == "__main__":
    main(*sys.argv[1:])
