"""What the collector's program is, as it is started."""

import os
import subprocess
import sys
from pathlib import Path

from tests.stack.whole import BASE_DIR

# Ends it as soon as it asks the hub, where there is none, and says what was loaded by then.
_UNTIL_IT_ASKS = """
import sys
import httpx
from analytics import collector

def ask(self, *_, **__):
    print(*sorted(name for name in ("django.db.models", "streams.models", "celery.app.task") if name in sys.modules))
    sys.exit()

httpx.Client.post = ask
collector.main(*sys.argv[1:])
"""


def test_loads_nothing_of_rows_at_an_edge_node(tmp_path: Path) -> None:
    (tmp_path / "media.log").touch()
    paths = [str(tmp_path / name) for name in ("media.log", "edge.pid", "relayed")]
    node = {
        "LIVEHUB_ORIGIN_URL": "http://127.0.0.1:9",
        "LIVEHUB_EDGE_TOKEN": "a token of twenty characters and more",
        "LIVEHUB_DATA_DIR": str(tmp_path / "var"),
        "DJANGO_SETTINGS_MODULE": "livehub.settings",
    }

    asked = subprocess.run(
        [sys.executable, "-c", _UNTIL_IT_ASKS, *paths, "far", "http://127.0.0.1:9"],
        cwd=BASE_DIR,
        env={**os.environ, **node},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert asked.stdout == "\n"
