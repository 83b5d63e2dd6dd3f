"""What the proofs of the contract have in common: one of everything, and the product in the test's own process."""

from collections.abc import Iterator

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from streams.meetings.services.meetings import create_meeting
from streams.models import Meeting
from streams.organizations.services import SYSTEM, NewOrganization
from tests.access.conftest import Tenant, tenant_of
from tests.api.conftest import ids, session

__all__ = ["ids", "session"]


@pytest.fixture
def ours(home: NewOrganization) -> Tenant:
    return tenant_of(home)


@pytest.fixture
def meeting(home: NewOrganization) -> Meeting:
    return create_meeting(app=home.app, values={"title": "Backend standup"}, actor=SYSTEM)


@pytest.fixture
def in_process(db: None) -> Iterator[None]:
    """Let requests share the test's connection, and with it the transaction; Django's test client does the same."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)
