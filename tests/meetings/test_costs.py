"""How many queries each read of meetings takes; that lists take no more when they are longer, their own tests say."""

from datetime import timedelta

import pytest

from livehub.core import clock
from streams.meetings.services.meetings import create_meeting
from streams.meetings.states import MeetingSessionStatus
from streams.models import Livestream, MeetingSession
from streams.organizations.services import SYSTEM, NewOrganization
from tests.access.expected import OPERATIONS
from tests.api.clients import ApiClient, read
from tests.meetings.home import furnish
from tests.meetings.queries import asked_for
from tests.runs import connected

_MEETING, _SESSION = "/meetings/{meeting_id}", "/sessions/{meeting_session_id}"
COSTS = {
    "/meetings": 1,
    _MEETING: 1,
    f"{_MEETING}/participants": 2,
    f"{_MEETING}/participants/{{participant_id}}": 2,
    # The meeting, its livestreams, what these took in, and their newest broadcasts.
    f"{_MEETING}/livestream": 4,
    f"{_MEETING}/active-livestream": 3,
    f"{_MEETING}/active-session": 2,
    "/presets": 1,
    "/presets/{preset_id}": 1,
    "/sessions": 1,
    "/sessions?sort_by=minutesConsumed": 1,
    _SESSION: 1,
    # The session, and who was there; their connections only when these are asked for.
    f"{_SESSION}/participants": 2,
    f"{_SESSION}/participants?include_peer_events=true": 3,
    f"{_SESSION}/participants/{{participant_id}}": 1,
    f"{_SESSION}/livestream-sessions": 2,
    "/sessions/peer-report/{peer_id}": 1,
}


@pytest.mark.parametrize("path", COSTS)
def test_read_takes_so_many_queries(api: ApiClient, home: NewOrganization, path: str) -> None:
    ids = furnish(home.app)
    connected(Livestream.objects.get())

    assert asked_for(lambda: api.get(path.format(**ids))) == COSTS[path]


def test_no_read_is_forgotten() -> None:
    reads = [each.removeprefix("GET /v2") for each in OPERATIONS if each.startswith("GET /v2/")]
    ours = {each for each in reads if each.startswith(("/meetings", "/presets", "/sessions"))}

    assert ours == {each.partition("?")[0] for each in COSTS}


@pytest.mark.parametrize("by", ["minutesConsumed", "createdAt"])
@pytest.mark.parametrize("order", ["ASC", "DESC"])
def test_deep_pages_are_in_the_order_of_the_list(dyte: ApiClient, home: NewOrganization, by: str, order: str) -> None:
    # Each once, in no order.
    minutes = [number * 467 % 1103 for number in range(1103)]
    now, meeting = clock.now(), create_meeting(app=home.app, values={}, actor=SYSTEM)
    over = {"meeting": meeting, "app": home.app, "status": MeetingSessionStatus.ENDED, "ended_at": now}
    # Those that began earlier were longer.
    MeetingSession.objects.bulk_create(
        MeetingSession(**over, ended_stays=timedelta(minutes=each), created_at=now - timedelta(minutes=each))
        for each in minutes
    )

    found = []
    for page in (11, 12):
        answer = read(dyte.get(f"/sessions?sort_by={by}&sort_order={order}&per_page=100&page_no={page}"))
        assert answer["paging"]["total_count"] == 1103
        found += [each["minutes_consumed"] for each in answer["data"]["sessions"]]
    expected = range(1103) if (by == "createdAt") == (order == "DESC") else range(1102, -1, -1)
    assert found == list(expected[1000:])
