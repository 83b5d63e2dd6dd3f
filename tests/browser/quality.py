"""What a viewer saw, by one who looks at the pictures; and what their player has reported of it, by the rows."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
from playwright.sync_api import Page, Route
from psycopg.rows import dict_row

from analytics.counting.viewing import Stay
from tests.services import wait_until
from tests.stack.answering import Quiet
from tests.stack.whole import RunningStack

# Beside the player, by the frames that are shown: when they began to come one after the other, since when for how long
# they did (also by their height), and for how long one stood in the middle. What a player shows before, of where it
# goes to begin, is one picture at a time. Nobody sees frames of a hidden page.
WITNESS = """
window.seen = {clickedAt: NaN, firstMs: NaN, movedMs: 0, stoodMs: 0, halts: 0, movedMsOf: {}};
document.addEventListener("click", () => { seen.clickedAt ||= performance.now(); }, {capture: true});
(function find() {
  const video = document.querySelector("video");
  if (!video) return void requestAnimationFrame(find);
  let before = null, inARow = [];
  video.requestVideoFrameCallback(function look(_, frame) {
    const {presentationTime: at, height} = frame;
    const passedMs = before ? at - before.at : Infinity;
    const stands = passedMs > 1000;
    if (inARow.length < 4) {
      inARow = stands ? [at] : [...inARow, at];
      if (inARow.length === 4) {
        seen.firstMs = inARow[0] - seen.clickedAt;
        seen.movedMs = seen.movedMsOf[height] = at - inARow[0];
      }
    } else {
      // Of a frame that stands, as long as those before it were shown is none of that.
      const movedMs = stands ? Math.min(before.lastsMs, passedMs) : passedMs;
      if (stands) { seen.stoodMs += passedMs - movedMs; seen.halts += 1; }
      seen.movedMs += movedMs;
      seen.movedMsOf[before.height] = (seen.movedMsOf[before.height] ?? 0) + movedMs;
    }
    before = {at, height, lastsMs: stands ? before?.lastsMs ?? 0 : passedMs};
    video.requestVideoFrameCallback(look);
  });
})();
// Media is held up here: a page whose requests the test's driver holds up loses its last words.
window.isHeld = location.hash === "#held";
const held = [], { open, send } = XMLHttpRequest.prototype;
XMLHttpRequest.prototype.open = function (method, url, ...others) {
  this.isMedia = /\\.m4s/.test(url);
  return open.call(this, method, url, ...others);
};
XMLHttpRequest.prototype.send = function (body) {
  if (isHeld && this.isMedia) held.push(this);
  else send.call(this, body);
};
window.letGo = () => {
  isHeld = false;
  // But for what the player has given up.
  for (const request of held.splice(0)) if (request.readyState === XMLHttpRequest.OPENED) send.call(request);
};
"""


class ReportedViews:
    """The rows of one broadcast's views whose players have reported, each told once; `since_now`: those to come."""

    def __init__(self, stack: RunningStack, session: str, *, since_now: bool = False) -> None:
        self._folder, self._session = str(stack.runtime_dir / "postgres"), session
        self._told: list[object] = [row["id"] for row in self._read("true")] if since_now else []

    def next(self, *, over: str) -> dict[str, Any]:
        """Return the one that was not told yet, as soon as it is as `over` says, which is a condition."""
        return self._next(over, lambda _: True)

    def last_word(self) -> dict[str, Any]:
        """Return the one that was not told yet, as soon as its player has said that it is left."""
        return self._next("true", _has_left)

    def _next(self, over: str, is_wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        rows: list[dict[str, Any]] = []

        def is_there() -> bool:
            rows[:] = [row for row in self._read(over) if row["id"] not in self._told and is_wanted(row)]
            return bool(rows)

        wait_until(is_there, what="what was reported")
        (row,) = rows
        self._told.append(row["id"])
        return row

    def _read(self, over: str) -> list[dict[str, Any]]:
        with psycopg.connect(host=self._folder, user="livehub", dbname="livehub", row_factory=dict_row) as database:
            asked = f"SELECT * FROM analytics_view WHERE session_id = %s AND failed IS NOT NULL AND ({over})"  # noqa: S608
            return database.execute(asked.encode(), [self._session]).fetchall()


def _has_left(row: dict[str, Any]) -> bool:
    stay = Stay(row["id"], row["viewer"], row["identity"], row["device"], row["country"], began_ms=0)
    stay.restore(row["state"])
    return stay.reported is not None and stay.reported.has_left


def stop_media(page: Page) -> Callable[[], None]:
    """Have nothing of a broadcast arrive from now on; what is returned lets it go on, with what was asked for."""
    page.evaluate("isHeld = true")
    return lambda: page.evaluate("letGo()")


def with_unknown_codecs(route: Route) -> None:
    """Answer a list of renditions as if no browser could play any of them."""
    answer = route.fetch()
    route.fulfill(response=answer, body=re.sub(r'CODECS="[^"]*"', 'CODECS="none.1"', answer.text()))


class _Files(Quiet, SimpleHTTPRequestHandler):
    pass


@contextmanager
def other_origin(folder: Path) -> Iterator[str]:
    """Serve a folder as the site of somebody else; returns its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
