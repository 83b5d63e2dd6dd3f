"""What a courier has to write down: what became of attempts, and what follows for their endpoints."""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from livehub.core import clock
from webhooks import completion, disabling, live_updates
from webhooks.clerk import Clerk
from webhooks.completion import AttemptOutcome, Tally
from webhooks.routes import Route
from webhooks.schedule import Health
from webhooks.states import DisabledReason

# Written together, so that a commit is for many; nobody waits for it.
_LINGER_S, _BATCH, _BATCH_MAX = 0.02, 64, 512
# How old the time of an endpoint's last success may be.
_SUCCESS_AGE = timedelta(seconds=2)
# What is not written down of an endpoint yet, since it is no news or somebody is changing it, is looked at again.
_NOTE_AGAIN_S = 0.5
# Longer delays are the sweep's, which looks every 5 s.
CALLED_S = 60.0
# The database's clock and ours tell different fractions of a second.
_SLACK_S = 0.1


class DeliveryReports:
    """Belongs to an event loop; the database is asked in the clerk's thread."""

    def __init__(self, courier_id: UUID, *, call_later: Callable[[set[UUID], float], None]) -> None:
        self._courier_id = courier_id
        self._call_later = call_later
        self._waiting: list[tuple[Route, AttemptOutcome]] = []
        self._since_s = self._noted_s = 0.0
        self._tallies: dict[Route, Tally] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting or self._tallies)

    def __contains__(self, route: Route) -> bool:
        """Whether there is anything left to be said of how an endpoint fares."""
        return route in self._tallies

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def are_due(self) -> bool:
        """Whether to write now."""
        return self.due_in_s(at_most=1.0) == 0

    def due_in_s(self, *, at_most: float) -> float:
        """Return in how many seconds to write, if nothing is added."""
        if len(self._waiting) >= _BATCH:
            return 0.0
        due_s = [self._since_s + _LINGER_S] if self._waiting else []
        if self._tallies:
            due_s.append(self._noted_s + _NOTE_AGAIN_S)
        return max(0.0, min([at_most, *(at_s - time.monotonic() for at_s in due_s)]))

    def add(self, route: Route, outcome: AttemptOutcome) -> None:
        """Have an attempt written down soon."""
        if not self._waiting:
            self._since_s = time.monotonic()
        self._waiting.append((route, outcome))

    async def write(self, clerk: Clerk, *, is_last: bool = False) -> None:
        """Write down attempts, how their endpoints fare, and give up those that are to be.

        What cannot be written now stays. Side effects: couriers are called for what is soon due again.
        """
        await self._write_attempts(clerk)
        self._noted_s = time.monotonic()
        noted = {route: tally for route, tally in self._tallies.items() if is_last or _is_news(route, tally)}
        if noted:
            await self._note(noted, clerk)

    async def _write_attempts(self, clerk: Clerk) -> None:
        batch = self._waiting[:_BATCH_MAX]
        if not batch:
            return
        outcomes = [outcome for _, outcome in batch]
        ours = await clerk.call(lambda: completion.complete(outcomes, courier_id=self._courier_id))
        del self._waiting[: len(batch)]
        for route, outcome in batch:
            route.settle(outcome.due)
            if outcome.due.id in ours:
                self._tallies.setdefault(route, Tally()).count(outcome)
        live_updates.told(outcome.due.endpoint_id for outcome in outcomes if outcome.due.id in ours)
        self._call_for([outcome for outcome in outcomes if outcome.due.id in ours])

    def _call_for(self, outcomes: list[AttemptOutcome]) -> None:
        """Call couriers for what is due again within a minute, once for each endpoint and second."""
        wanted = defaultdict[int, set[UUID]](set)
        for outcome in outcomes:
            if outcome.retry_in_s is not None and outcome.retry_in_s <= CALLED_S:
                wanted[round(outcome.retry_in_s)].add(outcome.due.endpoint_id)
        for delay_s, endpoint_ids in wanted.items():
            self._call_later(endpoint_ids, delay_s + _SLACK_S)

    async def _note(self, noted: dict[Route, Tally], clerk: Clerk) -> None:
        tallies = {route.endpoint.id: tally for route, tally in noted.items()}
        found = await clerk.call(lambda: completion.note_health(tallies, courier_id=self._courier_id))
        live_updates.told(found)
        for route, tally in noted.items():
            health = found.get(route.endpoint.id)
            if health is None and not route.is_closed:
                continue  # Somebody is changing it just now: next time.
            del self._tallies[route]
            if health is not None:
                await self._act(route, health, tally, clerk)

    async def _act(self, route: Route, health: Health, tally: Tally, clerk: Clerk) -> None:
        route.endpoint = replace(route.endpoint, health=health)
        reason = _reason_to_disable(health, tally)
        if reason is not None:
            route.close()
            url = tally.gone_url or route.endpoint.url
            await clerk.call(
                lambda: disabling.disable_endpoint(
                    endpoint_id=route.endpoint.id, url=url, reason=reason, courier_id=self._courier_id
                )
            )
        elif health.open_until is not None:
            route.close()
            wait_s = (health.open_until - clock.now()).total_seconds()
            if wait_s <= CALLED_S:
                self._call_later({route.endpoint.id}, wait_s + _SLACK_S)


def _is_news(route: Route, tally: Tally) -> bool:
    health = route.endpoint.health
    if tally.failures or tally.gone_url or health.failures or health.last_success_at is None:
        return True
    # Or before now by a clock that was set back.
    return abs(clock.now() - health.last_success_at) > _SUCCESS_AGE


def _reason_to_disable(health: Health, tally: Tally) -> DisabledReason | None:
    if tally.gone_url:
        return DisabledReason.GONE
    return DisabledReason.FAILING if health.is_given_up(clock.now()) else None
