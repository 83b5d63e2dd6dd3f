"""Whether every edge's collector is heard of, for the system page: the hub's own, and those of edge nodes."""

from datetime import timedelta

from analytics.models import LogCursor
from analytics.selectors import SILENT_AFTER
from livehub.core import clock
from streams.system.components import Component

# An edge that was taken away is missed for so long.
FORGOTTEN_AFTER = timedelta(days=1)
_NAMED_AT_MOST = 3


def counting_component() -> Component:
    """Return which edges are heard of, and name those that are not."""
    name, about = "Viewers", "Collectors of all edges: they tell who watches, and what was watched"
    now = clock.now()
    cursors = LogCursor.objects.filter(heard_at__gte=now - FORGOTTEN_AFTER).order_by("heard_at")
    heard_at = dict(cursors.values_list("edge", "heard_at"))
    if not heard_at:
        return Component(name, about, "Not heard yet", "warn")
    silent = [edge for edge, at in heard_at.items() if at < now - SILENT_AFTER]
    if not silent:
        return Component(name, about, "Heard", "live", heard_at=max(heard_at.values()))
    shown = ", ".join(silent[:_NAMED_AT_MOST])
    more = f" and {len(silent) - _NAMED_AT_MOST} more" if len(silent) > _NAMED_AT_MOST else ""
    trouble = f"Who watches at {shown}{more} is not counted at the moment: see collector.log there."
    return Component(name, about, "Silent", "bad", trouble, since=heard_at[silent[0]])
