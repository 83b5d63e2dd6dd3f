"""Receivers, and endpoints that go to them."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from streams.organizations.services import NewOrganization
from tests.conftest import Broker
from tests.webhooks.deliveries import listen
from tests.webhooks.receiver import Receiver
from webhooks.models import Endpoint


@pytest.fixture(autouse=True)
def loopback_allowed(settings: Settings) -> None:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8", "::1"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().open() as found:
        yield found


@pytest.fixture
def endpoint(transactional_db: None, broker: Broker, home: NewOrganization, receiver: Receiver) -> Endpoint:
    """Of the home app, listening for livestreams that go live."""
    return listen(home.app, receiver.url).row
