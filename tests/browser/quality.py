"""What a viewer saw, by one who looks at the pictures; and what their player has reported of it, by the rows."""

from collections.abc import Callable
from typing import Any

import psycopg
from playwright.sync_api import Page, Route
from psycopg.rows import dict_row

from tests.services import wait_until
from tests.stack.whole import RunningStack

MEDIA = "**/*.m4s"
# Beside the player, by the pictures that come: when the first one was there, and for how long it stood in the middle.
WITNESS = """
window.seen = {clickedAt: NaN, firstMs: NaN, movedMs: 0, stoodMs: 0, halts: 0};
document.addEventListener("click", () => { seen.clickedAt ||= performance.now(); }, {capture: true});
let shownS = 0, movedAt = NaN;
(function look() {
  const now = performance.now(), video = document.querySelector("video");
  if (video && video.currentTime !== shownS && video.currentTime > 0 && !video.paused) {
    if (Number.isNaN(movedAt)) seen.firstMs = now - seen.clickedAt;
    else if (now - movedAt > 1000) { seen.stoodMs += now - movedAt; seen.halts += 1; }
    else seen.movedMs += now - movedAt;
    [shownS, movedAt] = [video.currentTime, now];
  }
  requestAnimationFrame(look);
})();
"""


class ReportedViews:
    """The rows of one broadcast's views whose players have reported, each told once; `since_now`: those to come."""

    def __init__(self, stack: RunningStack, session: str, *, since_now: bool = False) -> None:
        self._folder, self._session = str(stack.runtime_dir / "postgres"), session
        self._told: list[object] = [row["id"] for row in self._read("true")] if since_now else []

    def next(self, *, over: str) -> dict[str, Any]:
        """Return the one that was not told yet, as soon as it is as `over` says, which is a condition."""
        rows: list[dict[str, Any]] = []

        def is_there() -> bool:
            rows[:] = [row for row in self._read(over) if row["id"] not in self._told]
            return bool(rows)

        wait_until(is_there, what="what was reported")
        (row,) = rows
        self._told.append(row["id"])
        return row

    def _read(self, over: str) -> list[dict[str, Any]]:
        with psycopg.connect(host=self._folder, user="livehub", dbname="livehub", row_factory=dict_row) as database:
            asked = f"SELECT * FROM analytics_view WHERE session_id = %s AND failed IS NOT NULL AND ({over})"  # noqa: S608
            return database.execute(asked.encode(), [self._session]).fetchall()


def stop_media(page: Page) -> Callable[[], None]:
    """Have nothing of a broadcast arrive from now on; what is returned lets it go on, with what was asked for."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    def let_go() -> None:
        page.unroute(MEDIA)
        for route in held:
            route.continue_()

    page.route(MEDIA, hold)
    return let_go
