"""The origin's program: media playlists, for players that wait for what comes next.

Run by `python -m livehub.origin SOCKET NUDGE_SOCKET WEB_SOCKET PLAYBACK_DIR`, without Django: every viewer's playlist
passes here.
"""

import asyncio
import sys
from pathlib import Path

import uvloop

from livehub import open_files
from livehub.heartbeat import beat_in_loop
from streams.media.origin.server import serve


async def _serve(socket_path: str, nudge_socket_path: str, web_socket_path: str, root: Path) -> None:
    life = asyncio.get_running_loop().create_task(beat_in_loop())
    try:
        await serve(
            socket_path=socket_path, nudge_socket_path=nudge_socket_path, web_socket_path=web_socket_path, root=root
        )
    finally:
        life.cancel()


def main(socket_path: str, nudge_socket_path: str, web_socket_path: str, playback_dir: str) -> None:
    """Serve until a signal ends the process."""
    open_files.allow_all()
    uvloop.run(_serve(socket_path, nudge_socket_path, web_socket_path, Path(playback_dir)))


if __name__ == "__main__":
    main(*sys.argv[1:])
