"""The courier: one event loop that delivers for all the endpoints it has claimed.

Endpoints are claimed, not deliveries: one courier alone delivers to an endpoint, so that order, the number of
requests and what to do about failures are decided in one place. It reads ahead, sends many requests at a time, and
writes down what became of them in batches; no transaction is open while it sends.
"""

import asyncio
import logging
import resource
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable
from contextlib import suppress
from uuid import UUID, uuid4

import uvloop
from django.conf import settings

from livehub.core.outage import DATABASE_OUTAGE, describe
from livehub.core.outgoing import OutgoingClient, open_client
from webhooks import calls, claims, fetching, succession
from webhooks.attempts import attempt
from webhooks.clerk import Clerk
from webhooks.reports import DeliveryReports
from webhooks.routes import Claimed, Due, Route
from webhooks.slots import Slot, Slots
from webhooks.wire import CourierWire

logger = logging.getLogger(__name__)

# All in all, of which one organization has half at most: each is a socket, and its buffers.
_IN_FLIGHT_MAX = 2000
# Claimed at a time, likewise, and read for at a time.
_ROUTES_MAX, _ROUTES_READ = 4000, 100
# What is called for elsewhere is found by looking.
_LOOK_S = 0.25
# An endpoint that nothing is due to is let go; a courier that has none ends.
_IDLE_S, _END_S = 2.0, 5.0
# An endpoint that could not be claimed may be about to be let go, or is being changed.
_CLAIM_TRIES, _CLAIM_AGAIN_S = 4, 0.5
# While the database is away.
_PAUSE_S = 1.0
# What is under way when the process has to end may end by itself for so long; and is written down within as long.
_GRACE_S, _LAST_WORDS_S = 3.0, 5.0


class Courier:
    """Runs in the thread that calls `run`; `take` and `stop` are for others."""

    def __init__(self) -> None:
        self.id = uuid4()
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_ending = False
        self._is_stopped = False
        # Endpoints that were called for, with how often they were tried to be claimed.
        self._wanted: dict[UUID, int] = {}
        self._routes: dict[UUID, Route] = {}
        self._under_way: set[asyncio.Task[None]] = set()
        self._bell = asyncio.Event()
        self._clerk = Clerk()
        self._wire = CourierWire(self._want)
        self._reports = DeliveryReports(self.id, call_later=calls.call_couriers_later)
        self._renewed_s = self._looked_s = self._busy_s = self._claimed_s = time.monotonic()
        self._slots = Slots(min(_IN_FLIGHT_MAX, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2))

    def run(self, endpoint_ids: Iterable[UUID]) -> None:
        """Deliver to these endpoints, and to those of `take`, until nothing has been due for a few seconds."""
        self._want(endpoint_ids)
        succession.go_out(self.id)
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._run())
        finally:
            with self._lock:
                self._is_ending = True
            succession.come_home(self.id)

    def take(self, endpoint_ids: Collection[UUID]) -> bool:
        """Have it deliver to these as well, and tell whether it will: it may be about to end."""
        return self._post(lambda: self._want(endpoint_ids))

    def stop(self) -> None:
        """Have it send nothing more, and end within seconds."""
        self._is_stopped = True
        self._post(self._bell.set)

    def _post(self, function: Callable[[], None]) -> bool:
        with self._lock:
            if self._is_ending:
                return False
            if self._loop is None:
                function()
            else:
                self._loop.call_soon_threadsafe(function)
        return True

    def _want(self, endpoint_ids: Iterable[UUID]) -> None:
        for endpoint_id in endpoint_ids:
            # Somebody else's, which is called for all the time, is not asked for each time.
            self._wanted.setdefault(endpoint_id, 0)
        self._bell.set()

    async def _run(self) -> None:
        with self._lock:
            self._loop = asyncio.get_running_loop()
        client_of = open_client(allowed=settings.OUTGOING_ALLOWED_NETWORKS, user_agent="LiveHub")
        async with self._clerk, client_of as client:
            self._wire.open()
            while not self._may_end():
                await self._surely(self._turn(client))
                await self._pause()
            await self._end()

    def _may_end(self) -> bool:
        is_idle = not (self._wanted or self._routes or self._reports) and time.monotonic() - self._busy_s > _END_S
        with self._lock:
            self._is_ending = self._is_stopped or is_idle
            return self._is_ending

    async def _surely(self, work: Awaitable[None]) -> None:
        """Go on after the database was away; what was to be written down still is."""
        try:
            await work
        except DATABASE_OUTAGE as error:
            logger.warning("deliveries wait for the database courier=%s %s", self.id, describe(error))
            await asyncio.sleep(_PAUSE_S)

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._reports.due_in_s(at_most=_LOOK_S)):
                await self._bell.wait()
        self._bell.clear()

    async def _turn(self, client: OutgoingClient) -> None:
        await self._renew()
        await self._claim()
        await self._read(client)
        if self._reports.are_due:
            await self._reports.write(self._clerk)
        await self._let_go()
        if any(route.is_stale or route.wants_more for route in self._routes.values()):
            self._bell.set()

    async def _renew(self) -> None:
        now_s = time.monotonic()
        if now_s - self._renewed_s < claims.RENEW_S or not self._routes:
            return
        held = await self._clerk.call(lambda: claims.renew(self._routes, courier_id=self.id))
        for endpoint_id in held & self._routes.keys():
            self._routes[endpoint_id].claimed_until_s = now_s + claims.CLAIM_TTL_S
        self._renewed_s = now_s

    async def _claim(self) -> None:
        """Claim what was called for and is not ours; what is, is looked at."""
        now_s = time.monotonic()
        is_again = now_s - self._claimed_s >= _CLAIM_AGAIN_S
        new = [found for found, tries in self._wanted.items() if found not in self._routes and (is_again or not tries)]
        new = new[: max(_ROUTES_MAX - len(self._routes), 0)]
        if not new:
            return
        self._claimed_s = now_s
        found = await self._clerk.call(lambda: claims.claim(new, courier_id=self.id))
        too_many = self._add_routes(found, claimed_until_s=now_s + claims.CLAIM_TTL_S)
        for endpoint_id in new:
            self._wanted[endpoint_id] += 1
            if self._wanted[endpoint_id] >= _CLAIM_TRIES and endpoint_id not in self._routes:
                del self._wanted[endpoint_id]
        if too_many:
            for endpoint_id in too_many:
                self._wanted.pop(endpoint_id, None)
            await self._clerk.call(lambda: claims.release(too_many, courier_id=self.id))

    def _add_routes(self, found: Iterable[Claimed], *, claimed_until_s: float) -> list[UUID]:
        """Return those for which there is no room; no organization has more than it leaves to the others.

        The sweep finds them again.
        """
        counts = Counter(route.endpoint.organization_id for route in self._routes.values())
        too_many: list[UUID] = []
        for endpoint in found:
            if counts[endpoint.organization_id] >= _ROUTES_MAX - len(self._routes):
                too_many.append(endpoint.id)
                continue
            counts[endpoint.organization_id] += 1
            self._routes[endpoint.id] = Route(endpoint, claimed_until_s=claimed_until_s, idle_since_s=time.monotonic())
        return too_many

    async def _read(self, client: OutgoingClient) -> None:
        for route in self._to_read():
            route.is_behind = route.is_stale = True
            self._wanted.pop(route.endpoint.id, None)
        behind = [route for route in self._routes.values() if route.is_stale or route.wants_more][:_ROUTES_READ]
        if not behind:
            return
        now_s = time.monotonic()
        rooms = {route.endpoint.id: route.room if route.wants_more else 0 for route in behind}
        known = [delivery_id for route in behind if route.wants_more for delivery_id in route.known]
        found, deliveries = await self._clerk.call(
            lambda: fetching.fetch_claimed(courier_id=self.id, rooms=rooms, known=known)
        )
        for route in behind:
            route.is_stale = False
            route.refresh(found.get(route.endpoint.id))
            read = deliveries.get(route.endpoint.id, [])
            route.is_behind = len(read) >= rooms[route.endpoint.id]
            route.add(read)
            if route.known:
                route.idle_since_s = self._busy_s = now_s
            self._start(route, client)

    def _to_read(self) -> list[Route]:
        """Return the routes that were called for, and now and then all that wait for something."""
        now_s = time.monotonic()
        if now_s - self._looked_s >= _LOOK_S:
            self._looked_s = now_s
            return [route for route in self._routes.values() if not route.is_closed]
        called = (self._routes.get(endpoint_id) for endpoint_id in self._wanted)
        return [route for route in called if route is not None and not route.is_closed]

    def _start(self, route: Route, client: OutgoingClient) -> None:
        while True:
            if not self._slots.has_room(route):
                self._slots.wait(route)
                return
            if self._is_stopped or (due := route.next(time.monotonic())) is None:
                return
            slot = self._slots.take(route)
            task = asyncio.create_task(self._deliver(route, due, client, slot))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _deliver(self, route: Route, due: Due, client: OutgoingClient, slot: Slot) -> None:
        try:
            outcome = await attempt(client, route.endpoint, due)
        except asyncio.CancelledError:
            route.give_back(due)
            raise
        finally:
            self._slots.give_back(slot)
        route.finish(due, is_success=outcome.is_success)
        self._reports.add(route, outcome)
        while waiting := self._slots.next():
            self._start(waiting, client)
        self._start(route, client)
        if len(self._reports) == 1 or self._reports.are_due or route.wants_more:
            self._bell.set()

    async def _let_go(self) -> None:
        done = [route for route in self._routes.values() if self._is_done(route)]
        if any(route in self._reports for route in done):
            # Of an endpoint that is given back nothing can be said any more.
            await self._reports.write(self._clerk, is_last=True)
        released = [route.endpoint.id for route in done if route not in self._reports]
        if not released:
            return
        await self._clerk.call(lambda: claims.release(released, courier_id=self.id))
        for endpoint_id in released:
            del self._routes[endpoint_id]

    def _is_done(self, route: Route) -> bool:
        if route.known or route.is_closed:
            return not route.known
        return route.endpoint.id not in self._wanted and time.monotonic() - route.idle_since_s > _IDLE_S

    async def _end(self) -> None:
        """Let what is under way end, write it down, and let others have the rest."""
        unsent = {route.endpoint.id for route in self._routes.values() if route.known}
        await self._wire.close()
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=_GRACE_S)
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        try:
            async with asyncio.timeout(_LAST_WORDS_S):
                await self._reports.write(self._clerk, is_last=True)
                await self._clerk.call(lambda: claims.release(self._routes, courier_id=self.id))
        except (*DATABASE_OUTAGE, TimeoutError) as error:
            logger.warning("ends without a word to the database courier=%s %r", self.id, error)
        # By now with what was called for at the last moment.
        if waiting := unsent | self._wanted.keys():
            calls.call_couriers_later(waiting, 0.0)
