"""What is done to the rows of figures every few minutes: each step may be done at any time, and any number of times.

A step that fails holds up no other one, and says so until it has been done again.
"""

import logging
from collections.abc import Callable
from datetime import timedelta

from django.db import Error, connection
from django.db.models import Min
from django.db.models.functions import Coalesce

from analytics.models import DailySalt, SessionNow, UpkeepStep
from analytics.partitions import drop_days_before, first_kept_day, make_partitions, today
from livehub.core import clock
from livehub.core.deadline import deadline, remaining_s
from streams.system.components import Component

logger = logging.getLogger(__name__)

# So long a worker may be away before views go where the rest is.
_DAYS_AHEAD = 3
# Of the day on which a salt was made, and the next one: its views that last over midnight are counted on with it.
_SALT_DAYS = 2
# A collector that was away for so long counts nobody on who was there before.
_VIEW_PATIENCE = timedelta(hours=12)
# Nobody looks at who watched then.
_NOW_PATIENCE = timedelta(hours=1)
_AT_ONCE = 5000
# Dropping a table waits for who reads, and whoever writes waits for that.
_STEP_S = 5.0
# It is called every ten minutes.
_CALL_PATIENCE = timedelta(minutes=30)
_PROBLEM_LENGTH = 255
_CLOSE = """
WITH gone AS (
    SELECT id, began_at FROM analytics_view WHERE state IS NOT NULL AND last_at < %s
    LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE analytics_view AS view SET state = NULL FROM gone WHERE view.id = gone.id AND view.began_at = gone.began_at
"""


def keep_up() -> None:
    """Do all steps, each within its time; a failure is logged, and stays written until the step has been done."""
    for name, step in _STEPS.items():
        with deadline(_STEP_S):
            try:
                step()
            except Error as error:
                problem = str(error).partition("\n")[0]
                logger.warning("upkeep of figures: %s failed: %s", name, problem)
            else:
                problem = ""
        _note(name, problem)


def upkeep_component() -> Component:
    """Return how it goes, for the system page."""
    name, about = "Figures", "Rows of who watched: days made ahead, and removed when their time is over"
    failing = UpkeepStep.objects.exclude(failing_since=None).order_by("failing_since").first()
    if failing is not None:
        return Component(name, about, "Fails", "bad", f"{failing.name}: {failing.problem}", since=failing.failing_since)
    done_at = UpkeepStep.objects.aggregate(at=Min("done_at"))["at"]
    if done_at is None:
        # The first call comes minutes after the start; that calls come at all the beat says.
        return Component(name, about, "Not due yet", "")
    is_called = clock.now() - done_at < _CALL_PATIENCE
    label, tone = ("Runs", "live") if is_called else ("Silent", "bad")
    return Component(name, about, label, tone, heard_at=done_at)


def make_days_ahead() -> None:
    """Have a table for the views of today and of the next days."""
    make_partitions([today() + timedelta(days=ahead) for ahead in range(_DAYS_AHEAD + 1)])


def drop_old_days() -> None:
    """Remove the views of days whose time is over; what was made of them stays."""
    drop_days_before(first_kept_day())


def forget_salts() -> None:
    """Remove what viewers of two days ago and before were hashed with: nobody can tell who they were any more."""
    DailySalt.objects.filter(day__lte=today() - timedelta(days=_SALT_DAYS)).delete()


def close_views() -> None:
    """Close views that no collector goes on with, some thousand at a time, as long as there is time."""
    while remaining_s(at_most=_STEP_S) > 0 and _close_some() == _AT_ONCE:
        pass


def forget_now() -> None:
    """Remove who watched when nobody says it any more."""
    SessionNow.objects.filter(at__lt=clock.now() - _NOW_PATIENCE).delete()


def _close_some() -> int:
    with connection.cursor() as cursor:
        cursor.execute(_CLOSE, [clock.now() - _VIEW_PATIENCE, _AT_ONCE])
        return int(cursor.rowcount)


def _note(name: str, problem: str) -> None:
    now = clock.now()
    if not problem:
        done = {"done_at": now, "failing_since": None, "problem": ""}
        UpkeepStep.objects.update_or_create(name=name, defaults=done)
        return
    UpkeepStep.objects.get_or_create(name=name)
    UpkeepStep.objects.filter(name=name).update(
        failing_since=Coalesce("failing_since", now), problem=problem[:_PROBLEM_LENGTH]
    )


_STEPS: dict[str, Callable[[], None]] = {
    "Days ahead": make_days_ahead,
    "Old days": drop_old_days,
    "Salts": forget_salts,
    "Views": close_views,
    "Now": forget_now,
}
