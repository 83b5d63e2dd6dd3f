"""Clients of both dialects."""

from collections.abc import Callable

import pytest

from streams.livestreams import lifecycle
from streams.livestreams.lifecycle import Encoder
from streams.models import Livestream, Session
from streams.organizations.services import NewOrganization
from tests.api.clients import ApiClient, dyte_client, realtimekit_client


@pytest.fixture
def dyte(home: NewOrganization) -> ApiClient:
    return dyte_client(home)


@pytest.fixture
def realtimekit(home: NewOrganization) -> ApiClient:
    return realtimekit_client(home)


@pytest.fixture(params=[dyte_client, realtimekit_client], ids=["dyte", "realtimekit"])
def api(request: pytest.FixtureRequest, home: NewOrganization) -> ApiClient:
    """Each dialect in turn, for what is the same in both."""
    make: Callable[[NewOrganization], ApiClient] = request.param
    return make(home)


@pytest.fixture
def session(livestream: Livestream) -> Session:
    encoder = Encoder(client_id=7, address="127.0.0.1", software="OBS 31")
    return lifecycle.start_session(livestream=livestream, encoder=encoder)
