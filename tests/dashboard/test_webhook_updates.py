"""Webhooks' pages hear of deliveries and of changes: over a real Redis, through the real consumers."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple
from uuid import uuid4

import pytest
from channels.db import database_sync_to_async

from livehub.core import clock, deferred
from streams.dashboard.open_pages import NOT_FOUND
from streams.models import User
from streams.organizations.services import SYSTEM, NewOrganization
from tests.dashboard.websocket import opened
from tests.webhooks.happenings import ENDED, LIVE, delivery_of, happened, listening
from webhooks import live_updates
from webhooks.disabling import disable_endpoint
from webhooks.live_updates import told
from webhooks.models import Delivery, Endpoint
from webhooks.replays import replay_delivery
from webhooks.services import change_endpoint, delete_endpoint
from webhooks.states import DeliveryState, DisabledReason

# The consumers read in threads of their own, which see only what is committed.
pytestmark = pytest.mark.django_db(transaction=True)


class Deed(NamedTuple):
    """Something that is done, and what the page says then."""

    do: Callable[[Endpoint], object]
    seen: str


@pytest.fixture
def endpoint(home: NewOrganization) -> Endpoint:
    return listening(home.app, LIVE, ENDED)


def heard(user: User, address: str, deed: Deed, endpoint: Endpoint) -> str:
    """Return the fragments that tell of the deed."""

    async def watch() -> str:
        async with opened(address, user) as socket:
            assert deed.seen not in await socket.fragments()
            await database_sync_to_async(deed.do)(endpoint)
            while deed.seen not in (text := await socket.fragments()):
                pass
            return text

    return asyncio.run(watch())


def complete(endpoint: Endpoint) -> None:
    """Do as a courier does: write a batch, and tell when it is committed."""
    now = clock.now()
    endpoint.deliveries.update(state=DeliveryState.DELIVERED, attempts=1, tries=1, last_status=200, finished_at=now)
    Endpoint.objects.update(last_success_at=now)
    told([endpoint.pk])


def fail(endpoint: Endpoint) -> None:
    Endpoint.objects.update(failing_since=clock.now(), last_error="refuses connections")
    told([endpoint.pk])


def give_up(endpoint: Endpoint) -> None:
    courier_id = uuid4()
    Endpoint.objects.update(claimed_by=courier_id)
    disable_endpoint(endpoint_id=endpoint.pk, url=endpoint.url, reason=DisabledReason.GONE, courier_id=courier_id)


DEEDS = {
    "delivered": Deed(complete, 'data-testid="status">Delivered'),
    "failing": Deed(fail, "Refuses connections."),
    "paused": Deed(lambda endpoint: change_endpoint(endpoint=endpoint, enabled=False, actor=SYSTEM), "Paused"),
}


class TestEndpointPage:
    @pytest.mark.parametrize("deed", DEEDS)
    def test_hears_of_deliveries_and_changes(self, endpoint: Endpoint, owner: User, deed: str) -> None:
        happened(endpoint.app)

        text = heard(owner, f"/ws/webhooks/{endpoint.pk}", DEEDS[deed], endpoint)

        assert text.count("hx-swap-oob") == 4
        # What comes by a websocket holds no token: scripts send the page's own.
        assert text.count("<form") == text.count("hx-post") == (deed == "paused")

    def test_shows_what_its_address_asks_for(self, endpoint: Endpoint, owner: User) -> None:
        delivery_of(endpoint, happened(endpoint.app))
        other = delivery_of(endpoint, happened(endpoint.app, ENDED))

        text = heard(owner, f"/ws/webhooks/{endpoint.pk}?event={LIVE}", DEEDS["delivered"], endpoint)

        assert f"delivery-{other.uid}" not in text

    def test_offers_a_viewer_nothing(self, endpoint: Endpoint, viewer: User) -> None:
        text = heard(viewer, f"/ws/webhooks/{endpoint.pk}", DEEDS["failing"], endpoint)

        for offer in ("/replay", "/test", "/change", "/pause", "/delete", "/rotate-secret"):
            assert offer not in text

    def test_closes_when_it_is_deleted(self, endpoint: Endpoint, owner: User) -> None:
        async def code() -> int:
            async with opened(f"/ws/webhooks/{endpoint.pk}", owner) as socket:
                await socket.fragments()
                await database_sync_to_async(delete_endpoint)(endpoint=endpoint, actor=SYSTEM)
                return await socket.closing_code()

        assert asyncio.run(code()) == NOT_FOUND

    def test_closes_for_whom_it_does_not_concern(self, endpoint: Endpoint, stranger: User) -> None:
        delivery = delivery_of(endpoint, happened(endpoint.app))

        async def code(address: str) -> int:
            async with opened(address, stranger) as socket:
                return await socket.closing_code()

        for address in (f"/ws/webhooks/{endpoint.pk}", f"/ws/webhooks/{endpoint.pk}/deliveries/{delivery.uid}"):
            assert asyncio.run(code(address)) == NOT_FOUND


class TestDeliveryPage:
    def test_hears_what_became_of_it(self, endpoint: Endpoint, owner: User) -> None:
        delivery = delivery_of(endpoint, happened(endpoint.app))
        address = f"/ws/webhooks/{endpoint.pk}/deliveries/{delivery.uid}"

        assert heard(owner, address, DEEDS["delivered"], endpoint).count("hx-swap-oob") == 1
        again = Deed(
            lambda _: replay_delivery(delivery=Delivery.objects.get(), actor=SYSTEM), 'data-testid="status">Waiting'
        )
        text = heard(owner, address, again, endpoint)
        assert "Try now" in text
        # What comes by a websocket holds no token: scripts send the page's own.
        assert f'hx-post="/webhooks/{endpoint.pk}/deliveries/{delivery.uid}/replay"' in text


class TestList:
    @pytest.mark.parametrize(
        "deed",
        [
            DEEDS["failing"],
            DEEDS["paused"],
            Deed(give_up, 'data-testid="status">Disabled'),
            Deed(lambda endpoint: listening(endpoint.app), "1\u20132 of 2"),
            Deed(lambda endpoint: delete_endpoint(endpoint=endpoint, actor=SYSTEM), "No webhooks yet"),
        ],
        ids=["failing", "paused", "given-up", "created", "deleted"],
    )
    def test_hears_how_each_fares(self, endpoint: Endpoint, owner: User, deed: Deed) -> None:
        if deed.seen == "Paused":
            deed = Deed(deed.do, 'data-testid="status">Paused')

        assert heard(owner, "/ws/webhooks?page=1", deed, endpoint).count("hx-swap-oob") == 1

    def test_hears_of_no_other_organizations(self, endpoint: Endpoint, stranger: User) -> None:
        async def hears_nothing() -> bool:
            async with opened("/ws/webhooks", stranger) as socket:
                assert endpoint.name not in await socket.fragments()
                await database_sync_to_async(fail)(endpoint)
                return await socket.hears_nothing(for_s=1)

        assert asyncio.run(hears_nothing())


def test_pages_hear_of_a_thousand_deliveries_a_few_times(endpoint: Endpoint, owner: User) -> None:
    async def count_messages() -> int:
        async with opened(f"/ws/webhooks/{endpoint.pk}", owner) as socket:
            await socket.fragments()
            for _ in range(1000):
                told([endpoint.pk])
            await socket.fragments()
            count = 1
            while not await socket.hears_nothing(for_s=1):
                await socket.text()
                count += 1
            return count

    assert asyncio.run(count_messages()) <= 3


def test_pages_hear_of_what_a_process_did_last(
    endpoint: Endpoint, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Longer than anything: a process that ends does not wait for more to tell of.
    monkeypatch.setattr(live_updates, "_GATHER_S", 600)

    def end(_: Endpoint) -> None:
        fail(endpoint)
        assert deferred.flush(10)

    assert heard(owner, f"/ws/webhooks/{endpoint.pk}", Deed(end, "Refuses connections."), endpoint)
