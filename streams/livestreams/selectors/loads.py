"""How many broadcasts each node carries, and how many wait there for a free place."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Min, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce, Now

from streams.livestreams.models import Connection, Session, SessionQuerySet

# Of those that are shown one by one; all are counted.
_MOST_NAMED = 20


@dataclass(frozen=True)
class NodeLoad:
    """The broadcasts of one node: how many are run, how many wait for a worker, and since when the first of them."""

    node: str
    running: int = 0
    waiting: int = 0
    waiting_since: datetime | None = None


def list_loads() -> list[NodeLoad]:
    """Return how many open sessions are run at each node, and how many wait for a worker."""
    newest = Connection.objects.filter(session=OuterRef("pk")).order_by("-connected_at")
    is_run = Q(lease__until__gte=Now())
    is_waiting = Q(lease__epoch=0) & ~is_run
    rows = (
        Session.objects.open()
        .annotate(at=Coalesce(Subquery(newest.values("node")[:1]), F("standby_node")))
        .values("at")
        .annotate(
            running=Count("pk", filter=is_run),
            waiting=Count("pk", filter=is_waiting),
            waiting_since=Min("created_at", filter=is_waiting),
        )
        .order_by("at")
    )
    return [NodeLoad(row["at"], row["running"], row["waiting"], row["waiting_since"]) for row in rows]


def list_waiting() -> list[Session]:
    """Return open sessions that no worker has begun with, longest waiting first, with whose they are; some of many."""
    waiting = _with_owners().filter(lease__epoch=0).exclude(lease__until__gte=Now())
    return list(waiting.order_by("created_at", "id")[:_MOST_NAMED])


def list_reduced() -> list[Session]:
    """Return open sessions that a busy machine makes fewer renditions of, longest first; some of many."""
    return list(_with_owners().exclude(left_out=[]).order_by("left_out_since", "id")[:_MOST_NAMED])


def _with_owners() -> SessionQuerySet:
    return Session.objects.open().select_related("livestream__app__organization")


def why_it_waits(session: Session) -> str:
    """Return why no worker has begun with a session for a while; empty for one that does not wait."""
    if not session.lacks_a_worker:
        return ""
    load = next((load for load in list_loads() if load.node == session.node), None)
    if load is None or not load.running:
        return "Waits for a worker: none of its machine has come yet"
    return f"Waits for a free place: {load.running} of {load.running} broadcasts run on this machine"
