"""The end of long broadcasts, whose files and rows are made in minutes: how soon recordings are verified, and how soon
Chromium has what it needs of it, through the edge.

`make bench`, or `python -m pytest -m bench -s bench/test_long_recording.py` (about four minutes, 6 GB of disk).
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from statistics import median
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.stack.whole import BASE_DIR, RunningStack, running_stack

pytestmark = pytest.mark.bench

_MOST_VERIFIED_S = {1: 5.0, 12: 15.0}
# The length of an index has nothing to do with it, so that the long one is of fewer bytes.
_KBPS = {1: 3000, 12: 500}
_MOST_CPU_MS_PER_S = 5.0
_MOST_MOOV_MB, _MOST_RSS_MB = 25, 200
_MOST_METADATA_S, _MOST_SEEK_S = 1.5, 0.3
_LONGEST_S = 1200
_TURNS = 5
# In seconds: near both ends and between, each time far from the one before.
_SOUGHT_S = (11 * 3600 + 7.3, 900.5, 6 * 3600 + 1.9, 12 * 3600 - 20.0, 3 * 3600 + 0.7)
_OPEN = """
async (url) => {
  document.body.innerHTML = '<video muted preload="metadata"></video>';
  const video = document.querySelector('video');
  const began = performance.now();
  await new Promise((resolve, reject) => {
    video.onloadedmetadata = resolve;
    video.onerror = () => reject(new Error(video.error.message));
    video.src = url;
  });
  return [(performance.now() - began) / 1000, video.duration];
}
"""
_SEEK = """
async (time) => {
  const video = document.querySelector('video');
  const began = performance.now();
  await new Promise((resolve, reject) => {
    video.onseeked = resolve;
    video.onerror = () => reject(new Error(video.error.message));
    video.currentTime = time;
  });
  return (performance.now() - began) / 1000;
}
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture(scope="module")
def made(stack: RunningStack) -> dict[int, dict[str, Any]]:
    """What was found of each recording that has been made by now, by its hours."""
    return {}


@pytest.mark.parametrize("hours", _MOST_VERIFIED_S)
def test_end_to_verified(stack: RunningStack, made: dict[int, dict[str, Any]], hours: int) -> None:
    found = _made(stack, hours)
    made[hours] = found
    print(
        f"\n{hours} h of {_KBPS[hours]} kbit/s ({found['size_mb']:.0f} MB, {found['parts']} parts), end to verified: "
        f"{found['verified_in_s']:.2f} s (wanted <= {_MOST_VERIFIED_S[hours]:.0f}), {found['end_cpu_s']:.2f} s of CPU\n"
        f"  its task while live: {found['live_ms_per_s']:.2f} ms of CPU per second of media "
        f"(wanted <= {_MOST_CPU_MS_PER_S:.0f})\n"
        f"  moov: {found['moov_mb']:.1f} MB (wanted <= {_MOST_MOOV_MB}); "
        f"memory of a process that finishes it: {found['rss_mb']:.0f} MB, before that "
        f"{found['before_mb']:.0f} (wanted <= {_MOST_RSS_MB})"
    )
    assert (found["status"], found["is_verified"], found["problem"]) == ("uploaded", True, "")
    assert found["duration_s"] == pytest.approx(hours * 3600, abs=1)
    assert found["verified_in_s"] <= _MOST_VERIFIED_S[hours]
    assert found["live_ms_per_s"] <= _MOST_CPU_MS_PER_S
    assert found["moov_mb"] <= _MOST_MOOV_MB
    assert found["rss_mb"] <= _MOST_RSS_MB


def test_twelve_hours_in_chromium(browser: Browser, stack: RunningStack, made: dict[int, dict[str, Any]]) -> None:
    url = f"{(made.get(12) or _made(stack, 12))['url']}&play"
    opened, sought = [], []
    for _ in range(_TURNS):
        # Nothing is in its cache.
        context = browser.new_context()
        page = context.new_page()
        metadata_s, duration_s = page.evaluate(_OPEN, url)
        assert duration_s == pytest.approx(12 * 3600, abs=1)
        opened.append(metadata_s)
        sought += [page.evaluate(_SEEK, place_s) for place_s in _SOUGHT_S]
        context.close()
    print(
        f"\n12 h in Chromium: metadata {min(opened):.2f} to {max(opened):.2f} s, median {median(opened):.2f} "
        f"(wanted <= {_MOST_METADATA_S}); seek {min(sought):.3f} to {max(sought):.3f} s, median {median(sought):.3f} "
        f"(wanted <= {_MOST_SEEK_S})"
    )
    assert median(opened) <= _MOST_METADATA_S
    assert median(sought) <= _MOST_SEEK_S


def _made(stack: RunningStack, hours: int) -> dict[str, Any]:
    code = f"from bench.made_recording import main; main(hours={hours}, kbps={_KBPS[hours]})"
    run = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v0", "-c", code],
        cwd=BASE_DIR,
        env=stack.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=_LONGEST_S,
    )
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found
