"""Clients of both dialects."""

from collections.abc import Callable

import pytest

from streams.models import Livestream, Session
from streams.organizations import authentication
from streams.organizations.credential_cache import CredentialCache
from streams.organizations.services import NewOrganization
from tests.api.clients import ApiClient, dyte_client, realtimekit_client
from tests.runs import connected


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
    return connected(livestream)


@pytest.fixture
def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what keys open be looked up once, however slow the machine is: the rest of a request's queries is counted."""
    cache: CredentialCache[object, object] = CredentialCache(
        read_revision=lambda: None, max_entries=100, clock_s=lambda: 0.0
    )
    monkeypatch.setattr(authentication, "_opened", cache)
