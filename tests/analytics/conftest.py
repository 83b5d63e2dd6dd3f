"""Clients of the dialects that have figures, and something to have them of."""

import pytest

from streams.livestreams.services import create_livestream
from streams.models import Livestream
from streams.organizations.services import SYSTEM, NewOrganization
from tests.api.clients import ApiClient, dyte_client, realtimekit_client


@pytest.fixture
def dyte(home: NewOrganization) -> ApiClient:
    return dyte_client(home)


@pytest.fixture(params=[dyte_client, realtimekit_client], ids=["dyte", "realtimekit"])
def api(request: pytest.FixtureRequest, home: NewOrganization) -> ApiClient:
    client: ApiClient = request.param(home)
    return client


@pytest.fixture
def stranger(abroad: NewOrganization) -> ApiClient:
    return dyte_client(abroad)


@pytest.fixture
def keynote(home: NewOrganization) -> Livestream:
    return create_livestream(app=home.app, name="Autumn keynote", actor=SYSTEM)
