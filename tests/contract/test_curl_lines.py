"""The lines of curl in the vendors' guides, as they are written there: only host, token and ids are ours."""

import json
import re
import subprocess
from typing import Any, cast

import pytest
from pytest_django.live_server_helper import LiveServer

from streams.meetings.services.presets import create_preset
from streams.models import Livestream, Meeting, Participant
from streams.organizations.services import SYSTEM, NewOrganization
from tests.api.clients import dyte_client, liveapi_client
from tests.meetings.home import whole_preset

pytestmark = pytest.mark.django_db(transaction=True)

_LONGEST_S = 20
_VENDORS_HOST = re.compile(r"https://api\.\w+\.dyte\.in")
_VENDORS_TOKEN = re.compile(r"Authorization: Basic [\w<>=]+")

# Source of the first six: Dyte, Livestreaming API Integration Guide and REST API Quickstart.
CREATE_LIVESTREAM = r"""
curl --request POST \
--url https://api.cluster.dyte.in/v2/livestreams \
--header 'Authorization: Basic <token>' \
--header 'Content-Type: application/json'
"""
START_LIVESTREAM = r"""
curl --request POST \
--url https://api.cluster.dyte.in/v2/meetings/{meetingId}/livestreams \
--header 'Authorization: Basic <token>' \
--header 'Content-Type: application/json'
"""
ACTIVE_LIVESTREAM = r"""
curl --request GET \
--url https://api.cluster.dyte.in/v2/meetings/{meetingId}/active-livestream \
--header 'Authorization: Basic <token>' \
--header 'Content-Type: application/json'
"""
STOP_LIVESTREAM = r"""
curl --request POST \
--url https://api.cluster.dyte.in/v2/meetings/meetingId/active-livestream/stop \
--header 'Authorization: Basic <token>' \
--header 'Content-Type: application/json'
"""
CREATE_MEETING = r"""
curl --request POST \
--url https://api.cluster.dyte.in/v2/meetings \
--header 'Authorization: Basic ZGV2QGR5dGUuaW46MTIzNDU2Nzg5YXNkaGZnaGo=' \
--header 'Content-Type: application/json' \
--data '{
"title": "Sample meeting",
"preferred_region": "ap-south-1",
"record_on_start": false
}'
"""
ADD_PARTICIPANT = r"""
curl --request POST \
--url https://api.cluster.dyte.in/v2/meetings/<meetingId>/participants \
--header 'Authorization: Basic ZGV2QGR5dGUuaW46MTIzNDU2Nzg5YXNkaGZnaGo=' \
--header 'Content-Type: application/json' \
--data '{
"name": "Mary Sue",
"picture": "https://i.imgur.com/test.jpg",
"preset_name": "string",
"client_specific_id": "string"
}'
"""
# Source: LiveAPI, Create a livestream; its page leaves the address out.
CREATE_LIVE_STREAM = r"""
curl --location --request POST '' \
--header 'Content-Type: application/json;charset=UTF-8' \
--header 'Authorization: {your_authentication}'
"""


def replay(line: str) -> dict[str, Any]:
    """Run the line in a shell, as its reader would, and return the answer."""
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=True, timeout=_LONGEST_S)
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


class TestDyte:
    @pytest.fixture
    def replayed(self, live_server: LiveServer, home: NewOrganization) -> "Replayed":
        return Replayed(live_server.url, dyte_client(home).authorization)

    def test_a_livestream_is_created(self, replayed: "Replayed") -> None:
        data = replayed(CREATE_LIVESTREAM)

        expected = {"status": "OFFLINE", "meeting_id": None, "ingest_seconds": 0, "viewer_seconds": 0}
        assert expected.items() <= data.items()
        assert {"name", "ingest_server", "id", "stream_key", "playback_url"} <= data.keys()
        assert Livestream.objects.get().stream_key == data["stream_key"]

    def test_a_meeting_is_livestreamed(self, replayed: "Replayed", meeting: Meeting) -> None:
        started = replayed(START_LIVESTREAM, meeting)
        shown = {"status": "OFFLINE", "name": None, "meeting_id": str(meeting.pk)}
        assert shown.items() <= started.items()
        assert {"ingest_server", "id", "stream_key", "playback_url"} <= started.keys()

        active = replayed(ACTIVE_LIVESTREAM, meeting)
        same = ("id", "meeting_id", "name", "ingest_server", "stream_key", "playback_url")
        assert [active[name] for name in same] == [started[name] for name in same]
        assert (active["ingest_seconds"], active["viewer_seconds"]) == (0, 0)

        assert replayed(STOP_LIVESTREAM, meeting) == {"message": "livestream stopped"}

    def test_a_meeting_is_created(self, replayed: "Replayed") -> None:
        data = replayed(CREATE_MEETING)

        sent = {"title": "Sample meeting", "preferred_region": "ap-south-1", "record_on_start": False}
        assert sent.items() <= data.items()
        assert {"waiting_room", "created_at", "updated_at"} <= data.keys()
        assert str(Meeting.objects.get().pk) == data["id"]

    def test_a_participant_is_added(self, replayed: "Replayed", meeting: Meeting) -> None:
        create_preset(app=meeting.app, values=cast("Any", whole_preset("string")), actor=SYSTEM)

        data = replayed(ADD_PARTICIPANT, meeting)

        sent = {"name": "Mary Sue", "picture": "https://i.imgur.com/test.jpg", "preset_name": "string"}
        assert {**sent, "client_specific_id": "string"}.items() <= data.items()
        assert {"created_at", "updated_at", "token"} <= data.keys()
        assert str(Participant.objects.get().pk) == data["id"]


class Replayed:
    """Replays Dyte's lines against us."""

    def __init__(self, url: str, authorization: str) -> None:
        self._url = url
        self._authorization = authorization

    def __call__(self, line: str, meeting: Meeting | None = None) -> dict[str, Any]:
        """Return what the answer says of what has been asked for."""
        line = _VENDORS_TOKEN.sub(f"Authorization: {self._authorization}", _VENDORS_HOST.sub(self._url, line))
        if meeting is not None:
            line = re.sub(r"[{<]?meetingId[}>]?", str(meeting.pk), line)
        answer = replay(line)
        assert answer["success"] is True, answer
        data = answer["data"]
        assert isinstance(data, dict)
        return data


def test_a_live_stream_of_liveapi_is_created(live_server: LiveServer, home: NewOrganization) -> None:
    address, shown = f"{live_server.url}/liveapi/live_streams", liveapi_client(home).authorization

    answer = replay(CREATE_LIVE_STREAM.replace("''", f"'{address}'").replace("{your_authentication}", shown))

    assert {"enabled": True, "platforms": [], "settings": {"pulling_mode": {}}}.items() <= answer.items()
    assert answer["ingest"].keys() == {"server", "key"}
    assert re.fullmatch(r"lv_[0-9a-f]{32}\?password=[0-9a-f]+", answer["ingest"]["key"])
    assert answer["playback"].keys() == {"embed_url", "embed_audio_url", "hls_url"}
    assert {"user", "environment", "organization", "creation_time"} <= answer.keys()
    assert re.fullmatch(r"[0-9a-f]{24}", answer["_id"])
