"""How many requests a courier may have under way, and whose."""

from collections import Counter, defaultdict
from uuid import UUID

from webhooks.routes import Route


class Slots:
    """Lets no organization take more of them than it leaves to the others.

    So one whose receivers are slow has half of them at most, two have a third each, and there is always room for the
    next one.
    """

    def __init__(self, most: int) -> None:
        self._free = most
        self._taken = Counter[UUID]()
        # Routes that found no room, each once, the first one first; and so the organizations.
        self._waiting = defaultdict[UUID, dict[UUID, Route]](dict)

    def has_room(self, route: Route) -> bool:
        return self._has_room(route.endpoint.organization_id)

    def take(self, route: Route) -> None:
        self._free -= 1
        self._taken[route.endpoint.organization_id] += 1

    def give_back(self, route: Route) -> None:
        organization_id = route.endpoint.organization_id
        self._free += 1
        self._taken[organization_id] -= 1
        if not self._taken[organization_id]:
            del self._taken[organization_id]

    def wait(self, route: Route) -> None:
        """Have `next` return it when there is room."""
        self._waiting[route.endpoint.organization_id][route.endpoint.id] = route

    def next(self) -> Route | None:
        """Return which waits no more, since there is room for it: one organization's after another's."""
        found = next((wanted for wanted in self._waiting if self._has_room(wanted)), None)
        if found is None:
            return None
        routes = self._waiting.pop(found)
        route = routes.pop(next(iter(routes)))
        if routes:
            self._waiting[found] = routes
        return route

    def _has_room(self, organization_id: UUID) -> bool:
        return self._taken[organization_id] < self._free
