"""How many queries each read of webhooks takes, however much there is."""

import pytest

from streams.organizations.services import NewOrganization
from tests.access.expected import OPERATIONS
from tests.api.clients import ApiClient
from tests.meetings.queries import asked_for
from tests.webhooks.happenings import furnish_webhooks, happened, listening
from webhooks.models import Endpoint

_ONE = "/webhooks/{webhook_id}"
COSTS = {
    "/webhooks": 1,
    "/webhooks/all": 0,
    "/webhooks/events": 0,
    _ONE: 1,
    # The webhook, its deliveries with their events.
    f"{_ONE}/deliveries": 2,
    f"{_ONE}/deliveries?state=failed": 2,
    # And the one that the cursor stands for.
    f"{_ONE}/deliveries?after={{delivery_id}}": 3,
    # And where the events of that time lie.
    f"{_ONE}/deliveries?since=2026-01-01T00:00:00Z": 3,
    # The webhook, the delivery with its event, its attempts.
    f"{_ONE}/deliveries/{{delivery_id}}": 3,
    # How far all transactions are, and the events.
    "/events": 2,
}


@pytest.mark.parametrize("path", COSTS)
def test_read_takes_so_many_queries(dyte: ApiClient, home: NewOrganization, path: str) -> None:
    ids = furnish_webhooks(home.app)
    assert asked_for(lambda: dyte.get(path.format(**ids))) == COSTS[path]

    for _ in range(3):
        listening(home.app)
        happened(home.app)

    assert Endpoint.objects.get(pk=ids["webhook_id"]).deliveries.count() == 4
    assert asked_for(lambda: dyte.get(path.format(**ids))) == COSTS[path]


@pytest.mark.parametrize("path", ["/webhooks", "/webhooks/all", _ONE])
def test_the_other_vendor_takes_as_many(realtimekit: ApiClient, home: NewOrganization, path: str) -> None:
    ids = furnish_webhooks(home.app)

    assert asked_for(lambda: realtimekit.get(path.format(**ids))) == COSTS[path]


def test_no_read_is_forgotten() -> None:
    reads = [each.removeprefix("GET /v2") for each in OPERATIONS if each.startswith("GET /v2/")]
    ours = {each for each in reads if each.startswith(("/webhooks", "/events"))}

    assert ours == {each.partition("?")[0] for each in COSTS}
