"""What the collector's program is, as it is started."""

import os
import subprocess
import sys
from pathlib import Path

from livehub.stack.instance import Instance
from livehub.stack.programs import programs
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
# Something goes wrong of which nobody has thought: says for how long it waits before it ends.
_UNTIL_IT_FAILS = """
import sys, time
import httpx
from analytics import collector

def fail(self, *_, **__):
    raise RuntimeError("never thought of")

httpx.Client.post = fail
time.sleep = print
collector.main(*sys.argv[1:])
"""


def _run(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "media.log").touch()
    paths = [str(folder / name) for name in ("media.log", "edge.pid", "relayed")]
    node = {
        "LIVEHUB_ORIGIN_URL": "http://127.0.0.1:9",
        "LIVEHUB_EDGE_TOKEN": "a token of twenty characters and more",
        "LIVEHUB_DATA_DIR": str(folder / "var"),
        "DJANGO_SETTINGS_MODULE": "livehub.settings",
    }
    return subprocess.run(
        [sys.executable, "-c", program, *paths, "far", "http://127.0.0.1:9"],
        cwd=BASE_DIR,
        env={**os.environ, **node},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_loads_nothing_of_rows_at_an_edge_node(tmp_path: Path) -> None:
    asked = _run(_UNTIL_IT_ASKS, tmp_path)

    assert (asked.returncode, asked.stdout) == (0, "\n")


def test_that_fails_ends_nobodys_broadcast(tmp_path: Path) -> None:
    """The supervisor ends the product when a program ends again and again before it counts as started."""
    failed = _run(_UNTIL_IT_FAILS, tmp_path)

    assert failed.returncode == 1
    assert "never thought of" in failed.stderr
    started_s = next(each.start_s for each in programs(Instance.from_settings()) if each.name == "collector")
    assert float(failed.stdout.split()[-1]) >= started_s
