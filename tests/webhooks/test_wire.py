"""Couriers that are out hear what is called for; where none is, one is sent for."""

import asyncio
from collections.abc import Callable, Coroutine
from uuid import UUID, uuid4

import pytest

from streams.organizations.services import NewOrganization
from tests.conftest import Broker
from tests.services import wait_until
from tests.webhooks.deliveries import courier, happen, wait_for
from tests.webhooks.receiver import Receiver, Reply
from webhooks import wire
from webhooks.models import Endpoint
from webhooks.states import DeliveryState
from webhooks.wire import CourierWire


def _hear(during: Callable[[CourierWire], Coroutine[object, object, None]]) -> list[list[UUID]]:
    """Return what is heard meanwhile."""
    heard: list[list[UUID]] = []

    async def listen() -> None:
        ear = CourierWire(heard.append)
        ear.open()
        await during(ear)
        await ear.close()

    asyncio.run(listen())
    return heard


async def _tell(ids: list[UUID], *, listeners: int) -> None:
    """Tell until so many hear it, as soon as they do."""
    async with asyncio.timeout(20):
        while await asyncio.to_thread(wire.tell, ids) != listeners:
            await asyncio.sleep(0.01)


def test_nobody_hears_where_nobody_listens() -> None:
    assert wire.tell([uuid4()]) == 0


def test_what_is_told_is_heard() -> None:
    ids = [uuid4(), uuid4()]

    async def during(_: CourierWire) -> None:
        await _tell(ids, listeners=1)

    assert _hear(during) == [ids]


def test_what_was_told_before_it_is_closed_is_heard_yet() -> None:
    first, last = [uuid4()], [uuid4()]

    async def during(_: CourierWire) -> None:
        await _tell(first, listeners=1)
        # Without a turn of the loop in between, in which it would be read.
        for _turn in range(50):
            wire.tell(last)

    assert _hear(during) == [first, *[last] * 50]


def test_counts_no_more_once_it_is_closed() -> None:
    async def during(ear: CourierWire) -> None:
        await _tell([uuid4()], listeners=1)
        await ear.close()
        assert await asyncio.to_thread(wire.tell, [uuid4()]) == 0

    assert len(_hear(during)) == 1


def test_two_hear_the_same() -> None:
    ids = [uuid4()]

    async def during(_: CourierWire) -> None:
        other = CourierWire(lambda _: None)
        other.open()
        await _tell(ids, listeners=2)
        await other.close()

    assert _hear(during)[-1] == ids


def test_listens_again_after_the_connection_was_cut() -> None:
    ids = [uuid4()]

    async def during(_: CourierWire) -> None:
        await _tell([uuid4()], listeners=1)
        await asyncio.to_thread(_cut)
        await _tell(ids, listeners=1)

    assert _hear(during)[-1] == ids


def _cut() -> None:
    wire._redis().client_kill_filter(_type="pubsub")


@pytest.mark.django_db(transaction=True)
class TestCourierThatIsOut:
    def test_hears_of_what_happens_without_a_message(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver, broker: Broker
    ) -> None:
        receiver.behave = lambda _: Reply(200)
        with courier(endpoint):
            wait_until(lambda: wire.tell([]) == 1, timeout_s=20, what="a courier that listens")
            happen(home.app)
            wait_for(endpoint, DeliveryState.DELIVERED)

        assert broker.names == []

    def test_is_sent_for_where_there_is_none(self, home: NewOrganization, endpoint: Endpoint, broker: Broker) -> None:
        happen(home.app)

        assert broker.arguments == [("webhooks.deliver", {"endpoint_ids": [str(endpoint.pk)]})]
