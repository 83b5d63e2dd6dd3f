"""The program that sends one broadcast to other platforms.

Run by `python -m livehub.simulcaster SESSION_FOLDER ALLOWED_NETWORKS`, without Django, by the worker that runs the
broadcast; it ends with it. Targets and their keys come by stdin, what becomes of them goes to stdout
(`streams/media/rtmp/publisher.py`): no key is in an argument, a file or a log.
"""

import asyncio
import logging
import os
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path

import uvloop

from livehub import open_files
from livehub.core.networks import REFUSED_PORTS, is_refused
from livehub.core.unanswered import describe_certificate
from streams.media.rtmp.connection import Ways
from streams.media.rtmp.publisher import SimulcastPublisher

# A name that nobody answers for holds one for many seconds, and other targets are not to wait for it.
_RESOLVERS = 50
_LONGEST_LINE = 64 * 1024


def ways_out(allowed: str) -> Ways:
    """Return where may be gone to; `allowed` are networks inside, with commas between them."""
    networks = [ip_network(text) for text in allowed.split(",") if text]
    return Ways(
        is_refused=lambda address: is_refused(address, allowed=networks),
        # 443 and what else is RTMP's is none of these.
        refused_ports=REFUSED_PORTS,
        tls=ssl.create_default_context(),
        describe_certificate=describe_certificate,
    )


async def _serve(folder: Path, allowed: str) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="resolver"))
    commands = asyncio.StreamReader(limit=_LONGEST_LINE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    os.set_blocking(sys.stdout.fileno(), False)
    await SimulcastPublisher(folder, ways_out(allowed), _tell).run(commands)
    # A resolver may hang, and nobody is to wait for it.
    os._exit(0)


def _tell(line: str) -> None:
    # Lines are short, so a pipe takes a whole one or none. Whoever reads none for long is told again each second.
    with suppress(BlockingIOError):
        os.write(sys.stdout.fileno(), f"{line}\n".encode())


def main(folder: str, allowed: str) -> None:
    """Send until the broadcast is over, or whoever runs it is gone."""
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.WARNING)
    open_files.allow_all()
    uvloop.run(_serve(Path(folder), allowed))


if __name__ == "__main__":
    main(*sys.argv[1:])
