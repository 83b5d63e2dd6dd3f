"""Clients of every dialect."""

from collections.abc import Callable

import pytest

from streams.models import Livestream, Session
from streams.organizations.services import NewOrganization
from tests.api.clients import ApiClient, cloudinary_client, dyte_client, liveapi_client, realtimekit_client
from tests.runs import connected


@pytest.fixture
def dyte(home: NewOrganization) -> ApiClient:
    return dyte_client(home)


@pytest.fixture
def realtimekit(home: NewOrganization) -> ApiClient:
    return realtimekit_client(home)


@pytest.fixture
def liveapi(home: NewOrganization) -> ApiClient:
    return liveapi_client(home)


@pytest.fixture
def cloudinary(home: NewOrganization) -> ApiClient:
    return cloudinary_client(home)


@pytest.fixture(params=[dyte_client, realtimekit_client], ids=["dyte", "realtimekit"])
def api(request: pytest.FixtureRequest, home: NewOrganization) -> ApiClient:
    """Dyte and RealtimeKit in turn, for what is the same in both."""
    make: Callable[[NewOrganization], ApiClient] = request.param
    return make(home)


@pytest.fixture
def session(livestream: Livestream) -> Session:
    return connected(livestream)
