"""The collector's program.

Run by `python -m analytics.collector LOG PID_FILE PLAYBACK_FOLDER EDGE [HUB_URL]`. At an edge node, which has no
database, it writes by way of the hub, with the token of `LIVEHUB_EDGE_TOKEN`; nothing of rows is loaded there.
"""

import logging
import logging.config
import os
import signal
import sys
import time
from pathlib import Path

import django
from django.conf import settings

from analytics.books import Books
from livehub.heartbeat import START_S
from livehub.loading import loading

logger = logging.getLogger(__name__)


def main(log_path: str, pid_path: str, playback_dir: str, edge: str, hub_url: str = "") -> None:
    """Count until a signal ends the process."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "livehub.settings")
    with loading():
        books = _hub_books(hub_url) if hub_url else _database_books()
        from iptocc import country_code

        from analytics.collecting import Collector

    collector = Collector(
        books,
        log_path=Path(log_path),
        pid_path=Path(pid_path),
        playback_dir=Path(playback_dir),
        edge=edge,
        country_of=country_code if settings.VIEWER_COUNTRIES else lambda _: None,
        counts_reports=settings.BEHIND_CDN,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: collector.stop())
    try:
        collector.run()
    except Exception:
        # Whatever it is: no broadcast ends because viewers cannot be counted. A program that ends as soon as it has
        # started is none that can be started, and LiveHub ends with it.
        logger.exception("counts nobody, and begins anew in %d s", START_S)
        time.sleep(START_S)
        sys.exit(1)


def _database_books() -> Books:
    django.setup()
    from analytics.database_books import DatabaseBooks

    return DatabaseBooks()


def _hub_books(hub_url: str) -> Books:
    # Ours alone: Django's own handlers load its mail, and with that its rows.
    logging.config.dictConfig(settings.LOGGING)
    from analytics.hub_books import HubBooks, hub_client

    return HubBooks(hub_client(hub_url), token=settings.EDGE_TOKEN)


if __name__ == "__main__":
    main(*sys.argv[1:])
