"""The quick starts, as a newcomer would follow them: each of their commands, in one shell."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from livehub.dialects import DIALECTS
from tests.stack.whole import BASE_DIR, RunningStack

pytestmark = pytest.mark.e2e

_FOLDER = BASE_DIR / "docs" / "quickstart"
_BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HOME_OF_PYTHON = Path(sys.executable).parent
_LONGEST_S = 120
# What the newcomer sees last or best, by the name of the page.
SEEN = {
    "cloudinary": r"(?s)'type': 'rtmp'.*\}active\n.*Live stream idled",
    "dyte": r"(?s)/index\.m3u8.*livestream stopped",
    "liveapi": r"(?s)'key': 'lv_.*\"enabled\": ?false",
    "realtimekit": r"(?s)Watch: http.*livestream stopped",
}


def commands_of(page: Path) -> str:
    """Return what the page has its reader type; Python goes to Python."""
    blocks = _BLOCK.findall(page.read_text())
    typed = [f"python3 - <<'PYTHON'\n{block}PYTHON\n" if kind == "python" else block for kind, block in blocks]
    # The encoder ends with the shell.
    return "\n".join(["set -eu -o pipefail", "trap 'jobs -p | xargs -r kill' EXIT", *typed])


@pytest.mark.parametrize("name", sorted(SEEN))
def test_does_what_it_says(name: str, stack: RunningStack) -> None:
    environment = {**os.environ, "PATH": f"{_HOME_OF_PYTHON}:{os.environ['PATH']}"}

    done = subprocess.run(
        ["bash", "-c", commands_of(_FOLDER / f"{name}.md")],
        cwd=stack.data_dir.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_LONGEST_S,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(SEEN[name], done.stdout), done.stdout


def test_there_is_one_for_each_dialect() -> None:
    assert {page.stem for page in _FOLDER.glob("*.md")} == {dialect.wire.name for dialect in DIALECTS} == SEEN.keys()
