"""A meeting with somebody who may join it."""

from collections.abc import Callable, Iterator

import pytest

from livehub.core import events
from streams.meetings.events import (
    MeetingEnded,
    MeetingStarted,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantsMuted,
    PollCreated,
)
from streams.meetings.services.meetings import create_meeting
from streams.models import Meeting, Participant
from streams.organizations.services import SYSTEM, NewOrganization
from tests.api.clients import ApiClient, dyte_client, realtimekit_client
from tests.meetings.people import added

_ROOM_EVENTS = (MeetingStarted, MeetingEnded, ParticipantJoined, ParticipantLeft, ParticipantsMuted, PollCreated)


@pytest.fixture
def meeting(home: NewOrganization) -> Meeting:
    return create_meeting(app=home.app, values={"title": "Backend standup"}, actor=SYSTEM)


@pytest.fixture
def foreign_meeting(abroad: NewOrganization) -> Meeting:
    return create_meeting(app=abroad.app, values={"title": "Contoso board"}, actor=SYSTEM)


@pytest.fixture
def mary(meeting: Meeting) -> Participant:
    return added(meeting, "mary", name="Mary Sue")


@pytest.fixture
def bob(meeting: Meeting) -> Participant:
    return added(meeting, "bob")


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
def told() -> Iterator[list[object]]:
    """What is said of sessions while the test runs, in order."""
    heard: list[object] = []
    for event_type in _ROOM_EVENTS:
        events.subscribe(event_type, heard.append)
    yield heard
    for event_type in _ROOM_EVENTS:
        events._subscribers[event_type].remove(heard.append)
