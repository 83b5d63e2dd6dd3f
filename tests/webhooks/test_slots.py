"""Whose requests may be under way, where some wait for slow receivers."""

from dataclasses import replace
from uuid import UUID, uuid4

from webhooks.routes import Claimed, Route
from webhooks.schedule import Health
from webhooks.slots import Slots

_SLOW, _OTHER, _THIRD = uuid4(), uuid4(), uuid4()
_ENDPOINT = Claimed(
    id=uuid4(), organization_id=_SLOW, url="http://127.0.0.1/", format="dyte", secrets=(), health=Health()
)


def route_of(organization_id: UUID) -> Route:
    return Route(replace(_ENDPOINT, id=uuid4(), organization_id=organization_id), claimed_until_s=0)


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
    assert take_all(slots, route) == 1

    slots.give_back(route)

    assert take_all(slots, route) == 1


def test_who_waits_is_next_when_there_is_room_one_organization_after_the_other() -> None:
    slots, busy = Slots(2), route_of(_THIRD)
    slow, slower, other = route_of(_SLOW), route_of(_SLOW), route_of(_OTHER)
    slots.take(busy)
    slots.take(busy)
    for waiting in (slow, slower, slow, other):
        slots.wait(waiting)
    assert slots.next() is None

    slots.give_back(busy)
    slots.give_back(busy)

    assert [slots.next() for _ in range(4)] == [slow, other, slower, None]


def test_who_waits_is_not_next_while_its_own_have_all_that_it_may() -> None:
    slots, slow, other = Slots(4), route_of(_SLOW), route_of(_OTHER)
    take_all(slots, slow)
    slots.wait(slow)
    slots.wait(other)

    assert [slots.next(), slots.next()] == [other, None]
