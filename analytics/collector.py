"""The collector's program.

Run by `python -m analytics.collector LOG PID_FILE PLAYBACK_FOLDER EDGE [HUB_URL]`. At an edge node, which has no
database, it writes by way of the hub, with the token of `LIVEHUB_EDGE_TOKEN`.
"""

import os
import signal
import sys
from pathlib import Path

import django

from livehub.loading import loading


def main(log_path: str, pid_path: str, playback_dir: str, edge: str, hub_url: str = "") -> None:
    """Count until a signal ends the process."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "livehub.settings")
    with loading():
        django.setup()
        from django.conf import settings

        from analytics.books import DatabaseBooks, HubBooks, hub_client
        from analytics.collecting import Collector

    books = HubBooks(hub_client(hub_url), token=settings.EDGE_TOKEN) if hub_url else DatabaseBooks()
    collector = Collector(
        books, log_path=Path(log_path), pid_path=Path(pid_path), playback_dir=Path(playback_dir), edge=edge
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: collector.stop())
    collector.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
