"""How many requests a courier may have under way, whose, and where to.

Many endpoints may be at one server, which gets no more at a time for that: else whoever makes endpoints could have us
flood a stranger's. Routes wait for what they lack, so that who waits for one server is in nobody's way elsewhere.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

from webhooks.routes import Route

# To one host and port.
_TARGET_MAX = 128


class Target(NamedTuple):
    """Where requests go to, whatever their path."""

    host: str
    port: int


class Slot(NamedTuple):
    """Somebody's request that is under way."""

    organization_id: UUID
    target: Target


class Slots:
    """Lets no organization take more of them than it leaves to the others, neither of all nor of a target's.

    So one whose receivers are slow has half of them at most, two have a third each, and there is always room for the
    next one.
    """

    def __init__(self, most: int, *, to_each: int = _TARGET_MAX) -> None:
        self._all = _Share(most)
        self._to_each = to_each
        # Those that something goes to, or waits for.
        self._queues: dict[Target, _Queue] = {}
        # Organizations, the first one first, with the targets that they wait for no more, as far as is known.
        self._ready = defaultdict[UUID, dict[Target, None]](dict)
        # Targets at which there may be room for those who wait there.
        self._freed: dict[Target, None] = {}

    def has_room(self, route: Route) -> bool:
        slot = _slot_of(route)
        queue = self._queues.get(slot.target)
        is_free = queue is None or queue.share.has_room(slot.organization_id)
        return is_free and self._all.has_room(slot.organization_id)

    def take(self, route: Route) -> Slot:
        """Return what is to be given back, wherever the route leads by then."""
        slot = _slot_of(route)
        self._all.take(slot.organization_id)
        self._queue(slot.target).share.take(slot.organization_id)
        return slot

    def give_back(self, slot: Slot) -> None:
        self._all.give_back(slot.organization_id)
        queue = self._queues[slot.target]
        queue.share.give_back(slot.organization_id)
        if queue.blocked:
            self._freed[slot.target] = None
        self._forget_if_idle(slot.target)

    def wait(self, route: Route) -> None:
        """Have `next` return it when there is room."""
        organization_id, target = _slot_of(route)
        queue = self._queue(target)
        is_first = organization_id not in queue.waiting
        queue.waiting[organization_id][route.endpoint.id] = route
        if not is_first:
            return
        if queue.share.has_room(organization_id):
            self._ready[organization_id][target] = None
        else:
            queue.blocked[organization_id] = None

    def next(self) -> Route | None:
        """Return which waits no more, since there is room for it: one organization's after another's."""
        return self._next_freed() or self._next_ready()

    def _next_freed(self) -> Route | None:
        """Return one that waited for its target; the target is looked at again, since not all of them take a slot."""
        while self._freed:
            target = next(iter(self._freed))
            queue = self._queues[target]
            found = queue.share.first(queue.blocked)
            if found is None:
                del self._freed[target]
                continue
            del queue.blocked[found]
            self._ready[found][target] = None
            if self._all.has_room(found):
                return self._pop(found, target)
        return None

    def _next_ready(self) -> Route | None:
        while (found := self._all.first(self._ready)) is not None:
            target = next(iter(self._ready[found]))
            queue = self._queues[target]
            if queue.share.has_room(found):
                return self._pop(found, target)
            self._ready[found].pop(target)
            if not self._ready[found]:
                del self._ready[found]
            queue.blocked[found] = None
        return None

    def _pop(self, organization_id: UUID, target: Target) -> Route:
        """Return the organization's first route there, and put what else it has behind the others'."""
        targets = self._ready.pop(organization_id)
        del targets[target]
        queue = self._queues[target]
        routes = queue.waiting[organization_id]
        route = routes.pop(next(iter(routes)))
        if routes:
            targets[target] = None
        else:
            del queue.waiting[organization_id]
        if targets:
            self._ready[organization_id] = targets
        self._forget_if_idle(target)
        return route

    def _queue(self, target: Target) -> "_Queue":
        if target not in self._queues:
            self._queues[target] = _Queue(self._to_each)
        return self._queues[target]

    def _forget_if_idle(self, target: Target) -> None:
        queue = self._queues[target]
        if not queue.waiting and queue.share.is_whole:
            del self._queues[target]
            self._freed.pop(target, None)


class _Share:
    """Slots of one kind, of which no organization gets more than it leaves to the others."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._taken = Counter[UUID]()

    @property
    def is_whole(self) -> bool:
        return not self._taken

    def has_room(self, organization_id: UUID) -> bool:
        return self._taken[organization_id] < self._free

    def first(self, organization_ids: Iterable[UUID]) -> UUID | None:
        """Return the first that there is room for; those that are passed over have taken something."""
        if not self._free:
            return None
        return next((found for found in organization_ids if self.has_room(found)), None)

    def take(self, organization_id: UUID) -> None:
        self._free -= 1
        self._taken[organization_id] += 1

    def give_back(self, organization_id: UUID) -> None:
        self._free += 1
        self._taken[organization_id] -= 1
        if not self._taken[organization_id]:
            del self._taken[organization_id]


class _Queue:
    """What goes to one target, and what waits to."""

    def __init__(self, most: int) -> None:
        self.share = _Share(most)
        # By organization: routes, each once, the first one first.
        self.waiting = defaultdict[UUID, dict[UUID, Route]](dict)
        # The organizations among these for which there was no room here; the others are ready.
        self.blocked: dict[UUID, None] = {}


def _slot_of(route: Route) -> Slot:
    return Slot(route.endpoint.organization_id, _target_of(route.endpoint.url))


@lru_cache(maxsize=4096)
def _target_of(url: str) -> Target:
    try:
        parts = urlsplit(url)
        port = parts.port or (80 if parts.scheme == "http" else 443)
        return Target((parts.hostname or "").rstrip("."), port)
    except ValueError:
        # Nothing is sent there, which its attempt says; all the others go on.
        return Target(url, 0)
