"""A courier delivers what is due, in order, once, and writes down what became of it."""

from streams.organizations.services import NewOrganization
from tests.webhooks.deliveries import courier, happen, wait_for
from tests.webhooks.receiver import Receiver
from webhooks.models import Endpoint
from webhooks.states import DeliveryState

_DELIVERED = DeliveryState.DELIVERED


class TestDelivering:
    def test_sends_what_is_due_and_writes_it_down(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver
    ) -> None:
        happen(home.app)

        with courier(endpoint):
            [delivery] = wait_for(endpoint, _DELIVERED)

        [received] = receiver.received
        assert received.id == str(delivery.uid)
        assert delivery.last_status == 200
        [attempt] = delivery.attempt_rows.all()
        assert (attempt.number, attempt.status, attempt.error, attempt.answer) == (1, 200, "", "ok")
