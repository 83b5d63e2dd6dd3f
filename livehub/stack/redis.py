"""The embedded Redis: broker and channel layer on a Unix socket, nothing on disk."""

from pathlib import Path


def server_argv(*, socket_path: Path) -> list[str]:
    """Return the server's command line; it stays in the foreground. The socket's folder must exist."""
    return [
        "redis-server",
        "--port", "0",
        "--unixsocket", str(socket_path),
        "--unixsocketperm", "700",
        "--save", "",
        "--appendonly", "no",
        "--dir", str(socket_path.parent),
        "--loglevel", "warning",
    ]  # fmt: skip
