"""How many queries each read of meetings takes; that lists take no more when they are longer, their own tests say."""

import pytest

from streams.models import Livestream
from streams.organizations.services import NewOrganization
from tests.access.expected import OPERATIONS
from tests.api.clients import ApiClient
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
