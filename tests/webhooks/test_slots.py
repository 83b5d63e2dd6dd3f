"""Whose requests may be under way, and where to, where some wait for slow receivers."""

import random
from collections import Counter
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from webhooks.routes import Claimed, Route
from webhooks.schedule import Health
from webhooks.slots import Slot, Slots

_SLOW, _OTHER, _THIRD = uuid4(), uuid4(), uuid4()
_ENDPOINT = Claimed(
    id=uuid4(), organization_id=_SLOW, url="http://127.0.0.1/", format="dyte", secrets=(), health=Health()
)


def route_of(organization_id: UUID, url: str = _ENDPOINT.url) -> Route:
    return Route(replace(_ENDPOINT, id=uuid4(), organization_id=organization_id, url=url), claimed_until_s=0)


def take_all(slots: Slots, route: Route) -> int:
    """Take as many as there is room for; return how many."""
    taken = 0
    while slots.has_room(route):
        slots.take(route)
        taken += 1
    return taken


def test_nobody_takes_more_than_is_left_for_the_others() -> None:
    slots = Slots(12)

    assert take_all(slots, route_of(_SLOW)) == 6
    assert take_all(slots, route_of(_OTHER)) == 3
    assert take_all(slots, route_of(_THIRD)) == 2
    assert take_all(slots, route_of(_SLOW)) == 0


def test_an_organization_has_as_much_however_many_endpoints_it_has() -> None:
    slots = Slots(12)

    assert sum(take_all(slots, route_of(_SLOW)) for _ in range(10)) == 6


def test_what_was_given_back_can_be_taken_again() -> None:
    slots, route = Slots(2), route_of(_SLOW)
    slot = slots.take(route)
    assert take_all(slots, route) == 0

    slots.give_back(slot)

    assert take_all(slots, route) == 1


def test_who_waits_is_next_when_there_is_room_one_organization_after_the_other() -> None:
    slots, busy = Slots(2), route_of(_THIRD)
    slow, slower, other = route_of(_SLOW), route_of(_SLOW), route_of(_OTHER)
    taken = [slots.take(busy), slots.take(busy)]
    for waiting in (slow, slower, slow, other):
        slots.wait(waiting)
    assert slots.next() is None

    for slot in taken:
        slots.give_back(slot)

    assert [slots.next() for _ in range(4)] == [slow, other, slower, None]


def test_who_waits_is_not_next_while_its_own_have_all_that_it_may() -> None:
    slots, slow, other = Slots(4), route_of(_SLOW), route_of(_OTHER)
    take_all(slots, slow)
    slots.wait(slow)
    slots.wait(other)

    assert [slots.next(), slots.next()] == [other, None]


class TestTarget:
    def test_gets_no_more_at_a_time_from_however_many_endpoints(self) -> None:
        slots = Slots(1000, to_each=12)

        assert sum(take_all(slots, route_of(_SLOW, f"https://example.com/{number}")) for number in range(5)) == 6
        # Others have room there, and it has room elsewhere.
        assert take_all(slots, route_of(_OTHER, "https://example.com/")) == 3
        assert take_all(slots, route_of(_SLOW, "https://example.org/")) == 6

    @pytest.mark.parametrize(
        "url",
        ["HTTPS://EXAMPLE.COM/", "https://example.com:443/b?c", "https://example.com./", "http://example.com:443/"],
    )
    def test_is_the_same_however_it_is_written(self, url: str) -> None:
        slots = Slots(1000, to_each=2)
        slots.take(route_of(_SLOW, "https://example.com/a"))

        assert not slots.has_room(route_of(_SLOW, url))

    @pytest.mark.parametrize("url", ["http://example.com/", "https://example.com:8443/", "https://www.example.com/"])
    def test_is_another_at_another_host_or_port(self, url: str) -> None:
        slots = Slots(1000, to_each=2)
        slots.take(route_of(_SLOW, "https://example.com/a"))

        assert slots.has_room(route_of(_SLOW, url))

    def test_is_given_back_to_wherever_the_endpoint_is_by_then(self) -> None:
        slots, route = Slots(1000, to_each=2), route_of(_SLOW, "https://example.com/")
        slot = slots.take(route)
        route.endpoint = replace(route.endpoint, url="https://example.org/")
        slots.take(route)

        slots.give_back(slot)

        assert slots.has_room(route_of(_SLOW, "https://example.com/"))
        assert not slots.has_room(route)

    def test_does_not_make_who_waits_for_it_stand_in_others_way(self) -> None:
        slots = Slots(4, to_each=2)
        at_full, elsewhere = route_of(_SLOW, "https://example.com/"), route_of(_SLOW, "https://example.org/")
        taken = [slots.take(at_full), slots.take(route_of(_OTHER, "https://example.net/"))]
        slots.take(route_of(_THIRD, "https://example.net/"))
        for waiting in (at_full, elsewhere):
            slots.wait(waiting)

        assert slots.next() is None
        slots.give_back(taken[1])
        assert [slots.next(), slots.next()] == [elsewhere, None]
        slots.give_back(taken[0])
        assert [slots.next(), slots.next()] == [at_full, None]

    def test_may_be_none_at_all(self) -> None:
        slots, broken = Slots(4), route_of(_SLOW, "http://[::1")

        slots.give_back(slots.take(broken))

        assert slots.has_room(broken)

    @pytest.mark.parametrize("seed", range(20))
    def test_keeps_nobody_waiting_for_ever(self, seed: int) -> None:
        """Whoever is next may have nothing to send any more: then it is another's turn."""
        chance = random.Random(seed)  # noqa: S311  # Not a secret.
        slots, post = Slots(12, to_each=5), _Post(chance)

        post.send_all(slots)

        assert not any(post.left.values())
        # All of it can be taken again, and nothing is remembered.
        assert take_all(slots, route_of(uuid4(), "https://elsewhere.example/")) == 3
        assert slots.next() is None
        assert list(slots._queues) == [("elsewhere.example", 443)]


class _Post:
    """Routes of a few organizations to a few targets, with something to send, or nothing after all."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        urls = [f"https://{host}.example/" for host in "abc"]
        routes = [route_of(organization_id, url) for organization_id in (_SLOW, _OTHER, _THIRD) for url in urls * 3]
        self.left = {route: chance.randrange(20) for route in routes}
        self.under_way: list[Slot] = []

    def send_all(self, slots: Slots) -> None:
        for route in self.left:
            self._start(slots, route)
        while self.under_way:
            slots.give_back(self.under_way.pop(self.chance.randrange(len(self.under_way))))
            while (waiting := slots.next()) is not None:
                if self.chance.random() < 0.1:
                    # It was closed meanwhile.
                    self.left[waiting] = 0
                self._start(slots, waiting)

    def _start(self, slots: Slots, route: Route) -> None:
        while self.left[route]:
            if not slots.has_room(route):
                slots.wait(route)
                return
            self.left[route] -= 1
            self.under_way.append(slots.take(route))
            assert max(Counter(slot.target for slot in self.under_way).values()) <= 5
            assert len(self.under_way) <= 12
