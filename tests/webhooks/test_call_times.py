"""What is sent to have couriers come: when it may be taken, and until when it is of use."""

from uuid import uuid4

from tests.conftest import Broker
from webhooks import calls


def test_a_call_for_later_comes_as_late_as_was_said_and_does_not_expire_before(broker: Broker) -> None:
    endpoint_id = uuid4()

    calls.call_couriers_later([endpoint_id], 60.1)

    assert broker.queues == [("webhooks.deliver", "webhooks")]
    assert broker.arguments == [("webhooks.deliver", {"endpoint_ids": [str(endpoint_id)]})]
    assert broker.times_s == [(60.1, 120.1)]


def test_a_call_that_nobody_takes_is_of_no_use_for_long(broker: Broker) -> None:
    calls.call_couriers_later([uuid4()], 0.0)

    assert broker.times_s == [(0.0, 60.0)]
