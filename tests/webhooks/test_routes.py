"""Which of the deliveries that were read may go now."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from uuid import UUID, uuid4

import pytest

from webhooks.routes import BATCH, IN_FLIGHT_MAX, Claimed, Due, Route
from webhooks.schedule import Health

_FOREVER_S = 1e12
_SUBJECT, _OTHER = uuid4(), uuid4()


@pytest.fixture
def route() -> Route:
    endpoint = Claimed(
        id=uuid4(),
        organization_id=uuid4(),
        url="http://127.0.0.1/",
        format="dyte",
        secrets=("whsec_AA==",),
        health=Health(),
    )
    return Route(endpoint, claimed_until_s=_FOREVER_S)


@pytest.fixture
def due() -> Callable[[UUID], Due]:
    numbers = count(1)

    def make(subject_id: UUID) -> Due:
        return Due(
            id=next(numbers),
            uid=uuid4(),
            endpoint_id=uuid4(),
            subject_id=subject_id,
            attempts=0,
            tries=0,
            due_at=datetime.now(UTC),
            body=b"{}",
        )

    return make


Make = Callable[[UUID], Due]


class TestOrder:
    def test_sends_one_of_a_subject_at_a_time(self, route: Route, due: Make) -> None:
        first, second = due(_SUBJECT), due(_SUBJECT)
        route.add([first, second])

        assert _go(route) == [first]
        route.finish(first, is_success=True)
        assert _go(route) == [second]

    def test_sends_those_of_several_side_by_side(self, route: Route, due: Make) -> None:
        first, second = due(_SUBJECT), due(_OTHER)
        route.add([first, second])

        assert _go(route) == [first, second]

    def test_holds_back_what_follows_a_failure(self, route: Route, due: Make) -> None:
        first, second, other = due(_SUBJECT), due(_SUBJECT), due(_OTHER)
        route.add([first, second, other])
        _go(route)

        route.finish(first, is_success=False)

        assert _go(route) == []
        assert route.known == {first.id, other.id}
        assert route.is_behind

    def test_takes_nothing_of_a_subject_until_its_failure_is_written_down(self, route: Route, due: Make) -> None:
        first, second = due(_SUBJECT), due(_SUBJECT)
        route.add([first])
        _go(route)
        route.finish(first, is_success=False)

        route.add([second])
        assert _go(route) == []
        route.settle(first)
        route.add([second])
        assert _go(route) == [second]

    def test_still_takes_nothing_when_only_an_earlier_success_is_written_down(self, route: Route, due: Make) -> None:
        first, second, third = due(_SUBJECT), due(_SUBJECT), due(_SUBJECT)
        route.add([first, second])
        _go(route)
        route.finish(first, is_success=True)
        _go(route)
        route.finish(second, is_success=False)
        route.settle(first)

        route.add([third])

        assert _go(route) == []

    def test_takes_nothing_twice(self, route: Route, due: Make) -> None:
        first = due(_SUBJECT)
        route.add([first])
        _go(route)
        route.add([first])
        route.finish(first, is_success=True)

        assert _go(route) == []

    def test_puts_what_is_read_behind_what_is_under_way(self, route: Route, due: Make) -> None:
        first, second = due(_SUBJECT), due(_SUBJECT)
        route.add([first])
        _go(route)

        route.add([second])

        assert _go(route) == []
        route.finish(first, is_success=True)
        assert _go(route) == [second]


class TestWindow:
    def test_grows_with_successes_up_to_its_limit(self, route: Route, due: Make) -> None:
        route.add([due(uuid4()) for _ in range(BATCH)])
        first = _go(route)
        assert 1 < len(first) < IN_FLIGHT_MAX

        under_way = first
        for _ in range(20):
            route.finish(under_way.pop(), is_success=True)
            under_way += _go(route)

        assert route.in_flight == len(under_way) == IN_FLIGHT_MAX

    def test_shrinks_with_failures(self, route: Route, due: Make) -> None:
        route.add([due(uuid4()) for _ in range(BATCH)])
        for failed in _go(route):
            route.finish(failed, is_success=False)

        assert len(_go(route)) == 1

    def test_says_how_much_is_read_ahead(self, route: Route, due: Make) -> None:
        before = route.room
        assert 0 < before < BATCH
        route.add([due(uuid4()) for _ in range(before)])
        under_way = _go(route)

        route.finish(under_way[0], is_success=False)
        route.settle(under_way[0])

        # Less than is there already.
        assert route.room == 0

    def test_is_one_delivery_for_an_endpoint_that_may_be_back(self, route: Route, due: Make) -> None:
        route.endpoint = replace(route.endpoint, health=Health(failures=10))
        assert route.room == 1

        route.add([due(uuid4()), due(uuid4())])

        assert len(_go(route)) == 1

    def test_wants_no_more_than_the_one_that_shows_whether_the_endpoint_is_back(self, route: Route, due: Make) -> None:
        route.endpoint = replace(route.endpoint, health=Health(failures=10))
        route.is_behind = True
        assert route.wants_more

        probe = due(_SUBJECT)
        route.add([probe])
        _go(route)

        assert not route.wants_more
        route.finish(probe, is_success=False)
        route.settle(probe)
        assert route.wants_more


class TestEnds:
    def test_sends_nothing_without_a_claim(self, route: Route, due: Make) -> None:
        route.claimed_until_s = 100.0
        route.add([due(_SUBJECT)])

        assert route.next(100.0) is None
        assert route.next(99.9) is not None

    def test_sends_nothing_once_it_is_closed(self, route: Route, due: Make) -> None:
        first = due(_SUBJECT)
        route.add([first, due(_SUBJECT), due(_OTHER)])
        route.next(0)

        route.close()

        assert _go(route) == []
        assert route.known == {first.id}
        route.finish(first, is_success=True)
        route.settle(first)
        assert not route.known
        assert route.room == 0

    def test_wants_nothing_once_it_is_closed(self, route: Route, due: Make) -> None:
        route.is_behind = True

        route.close()

        assert not route.wants_more

    def test_forgets_an_attempt_that_was_broken_off(self, route: Route, due: Make) -> None:
        first = due(_SUBJECT)
        route.add([first])
        _go(route)

        route.give_back(first)

        assert (route.in_flight, route.known) == (0, set())


def _go(route: Route) -> list[Due]:
    return list(iter(lambda: route.next(0.0), None))
