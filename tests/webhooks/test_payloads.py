"""Bodies, byte for byte: those of the vendors as their documents have them, and ours in one shape."""

import json
import shutil
import subprocess
from typing import Any

import pytest
from pytest_django import Settings

from tests.webhooks.messages import message
from webhooks.catalogue import EVENT_NAMES, Family
from webhooks.payloads import body_of, entry, needs_stream_key

_EMITTED = [event_name for event_name in EVENT_NAMES.values() if event_name.is_emitted]
_FORMATS = ["dyte", "realtimekit"]
_MEETING = {
    "id": "d9fc4d6a-a5a0-4430-9a73-d4ba14e597f9",
    "sessionId": "05e57591-d89e-45c9-ae44-08dc1eaad0e0",
    "title": "Backend standup",
    "roomName": "d9fc4d6a-a5a0-4430-9a73-d4ba14e597f9",
    "status": "LIVE",
    "createdAt": "2026-11-21T08:00:00.000Z",
    "startedAt": "2026-11-21T20:00:00.000Z",
    "organizedBy": {"id": "70c5d3914bac4cf39907bec205798adb", "name": "Northwind Events"},
}
# With `endedAt` where the vendors have it.
_ENDED_MEETING = {
    "id": "d9fc4d6a-a5a0-4430-9a73-d4ba14e597f9",
    "sessionId": "05e57591-d89e-45c9-ae44-08dc1eaad0e0",
    "title": "Backend standup",
    "roomName": "d9fc4d6a-a5a0-4430-9a73-d4ba14e597f9",
    "status": "LIVE",
    "createdAt": "2026-11-21T08:00:00.000Z",
    "startedAt": "2026-11-21T20:00:00.000Z",
    "endedAt": "2026-11-21T21:30:00.000Z",
    "organizedBy": {"id": "70c5d3914bac4cf39907bec205798adb", "name": "Northwind Events"},
}
_PARTICIPANT = {
    "peerId": "e32fb785-ddd0-4b96-b577-879327c0082f",
    "userDisplayName": "Mary Sue",
    "customParticipantId": "employee-7",
    "clientSpecificId": "employee-7",
    "joinedAt": "2026-11-21T20:00:04.250Z",
}
_OURS = {
    "id": "019aa8f2-5b3c-7d1e-8f4a-6c2b9e0d7a13",
    "event": "livestream.ended",
    "sequence": 5,
    "createdAt": "2026-11-21T21:30:00.000Z",
    "appId": "2f6b4c1e8d3a4b7f9c551a2e3d4c5b6f",
    "organizationId": "70c5d3914bac4cf39907bec205798adb",
    "livestream": {
        "id": "621c8dda-6eba-4022-b13e-e8701a2b3c4d",
        "name": "Autumn keynote",
        "status": "idle",
        "disabled": False,
        "playbackUrl": "https://live.example.org/playback/pb_4f0c9e1b7a2d4f0c9e1b/index.m3u8",
        "meetingId": None,
        "createdAt": "2026-11-20T09:15:00.000Z",
    },
    "session": {
        "id": "5c0e1f9a-3b7d-4f42-8a66-0b9d7e2c4f18",
        "status": "ended",
        "createdAt": "2026-11-21T20:00:00.000Z",
        "startedAt": "2026-11-21T20:00:04.250Z",
        "endedAt": "2026-11-21T21:30:00.000Z",
        "endReason": "encoder_stopped",
    },
    "reason": "Encoder stopped",
}


@pytest.fixture(autouse=True)
def addresses(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://live.example.org"
    settings.INGEST_URL = "rtmp://live.example.org:1935/live/"


def written(body: bytes) -> list[tuple[str, Any]]:
    """Return the members of an object in their order, and so those of the objects in it."""
    found: list[tuple[str, Any]] = json.loads(body, object_pairs_hook=list)
    return found


def in_order(expected: object) -> Any:
    return written(json.dumps(expected).encode())


class TestVendors:
    """Source: their lists of webhook events; the same keys in the same order."""

    @pytest.mark.parametrize("format", _FORMATS)
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("meeting.started", {"event": "meeting.started", "meeting": _MEETING}),
            (
                "meeting.ended",
                {"event": "meeting.ended", "meeting": _ENDED_MEETING, "reason": "ALL_PARTICIPANTS_LEFT"},
            ),
            (
                "meeting.participantJoined",
                {"event": "meeting.participantJoined", "meeting": _MEETING, "participant": _PARTICIPANT},
            ),
            (
                "meeting.participantLeft",
                {
                    "event": "meeting.participantLeft",
                    "meeting": _MEETING,
                    "participant": {**_PARTICIPANT, "leftAt": "2026-11-21T21:30:00.000Z"},
                },
            ),
        ],
    )
    def test_meetings_are_alike_at_both(self, name: str, expected: dict[str, object], format: str) -> None:
        assert written(body_of(message(name, format=format))) == in_order(expected)

    def test_a_host_who_ends_it_is_told(self) -> None:
        session = {**message("meeting.ended").facts["session"], "end_reason": "host_ended"}

        assert json.loads(body_of(message("meeting.ended", session=session)))["reason"] == "HOST_ENDED_MEETING"

    @pytest.mark.parametrize(
        ("type", "status"),
        [("livestream.live", "LIVE"), ("livestream.ended", "OFFLINE"), ("livestream.errored", "OFFLINE")],
    )
    def test_dytes_livestreams(self, type: str, status: str) -> None:
        body = body_of(message("livestreaming.statusUpdate", type=type))

        assert written(body) == in_order(
            {
                "event": "livestreaming.statusUpdate",
                "streamId": "621c8dda-6eba-4022-b13e-e8701a2b3c4d",
                "status": status,
            }
        )

    @pytest.mark.parametrize(
        ("type", "status"),
        [("livestream.live", "LIVE"), ("livestream.ended", "IDLE"), ("livestream.errored", "IDLE")],
    )
    def test_realtimekits_livestreams(self, type: str, status: str) -> None:
        told = message("livestreaming.statusUpdate", type=type, format="realtimekit")

        assert written(body_of(told, stream_key="sk_secret")) == in_order(
            {
                "event": "livestreaming.statusUpdate",
                "streamId": "621c8dda-6eba-4022-b13e-e8701a2b3c4d",
                "status": status,
                "manualIngest": True,
                "playbackUrl": "https://live.example.org/playback/pb_4f0c9e1b7a2d4f0c9e1b/index.m3u8",
                "ingestServer": "rtmp://live.example.org:1935/live/",
                "streamKey": "sk_secret",
                "meeting": None,
            }
        )

    def test_realtimekits_livestream_of_a_meeting(self) -> None:
        meeting = message("meeting.started").facts["meeting"]
        livestream = {**message("livestream.live").facts["livestream"], "meeting_id": meeting["id"]}
        told = message("livestreaming.statusUpdate", format="realtimekit", meeting=meeting, livestream=livestream)

        body = json.loads(body_of(told, stream_key="sk_secret"))

        assert body["manualIngest"] is False
        assert list(body["meeting"].items()) == [
            ("id", "d9fc4d6a-a5a0-4430-9a73-d4ba14e597f9"),
            ("title", "Backend standup"),
            ("createdAt", "2026-11-21T08:00:00.000Z"),
            ("roomName", "d9fc4d6a-a5a0-4430-9a73-d4ba14e597f9"),
            ("status", "LIVE"),
            ("organizedBy", {"id": "70c5d3914bac4cf39907bec205798adb", "name": "Northwind Events"}),
        ]


class TestOurs:
    def test_one_shape_for_a_broadcast(self) -> None:
        assert written(body_of(message("livestream.ended"))) == in_order(_OURS)

    def test_what_changed_and_the_words_for_it(self) -> None:
        fields = ["name", "disabled", "stream_key", "idle_timeout_s", "max_runtime_s"]
        fields += ["activated_at", "held_until", "stopped_at"]

        body = json.loads(body_of(message("livestream.updated", changed=fields)))

        assert body["changed"] == [
            "name",
            "disabled",
            "streamKey",
            "idleTimeout",
            "maxRuntime",
            "activated",
            "heldOff",
            "stopped",
        ]
        assert body["livestream"]["disabled"] is True
        assert body["reason"] is None

    def test_a_simulcast(self) -> None:
        assert json.loads(body_of(message("livestream.simulcast_added")))["simulcast"] == {
            "id": "6226ce84-31dd-4eb3-b54a-a2491f0e8d7c",
            "name": "Partner site",
            "vendor": None,
            "url": "rtmp://a.rtmp.example.com/live2",
            "enabled": True,
        }

    def test_an_endpoint(self) -> None:
        assert written(body_of(message("endpoint.disabled"))) == in_order(
            {
                "id": "019aa8f2-5b3c-7d1e-8f4a-6c2b9e0d7a13",
                "event": "endpoint.disabled",
                "sequence": 1,
                "createdAt": "2026-11-22T03:00:00.000Z",
                "appId": "2f6b4c1e8d3a4b7f9c551a2e3d4c5b6f",
                "organizationId": "70c5d3914bac4cf39907bec205798adb",
                "endpoint": {"id": "0d1f069d-43bb-489a-8d8c-7eb95592ba8e", "name": "Attendance"},
                "reason": "No delivery succeeded for 5 days",
            }
        )

    def test_a_livestream_of_a_meeting_says_which(self) -> None:
        meeting = message("meeting.started").facts["meeting"]

        body = json.loads(body_of(message("livestream.live", meeting=meeting)))

        assert body["meeting"] == {
            "id": "d9fc4d6a-a5a0-4430-9a73-d4ba14e597f9",
            "title": "Backend standup",
            "createdAt": "2026-11-21T08:00:00.000Z",
        }

    def test_an_empty_name_is_none(self) -> None:
        livestream = {**message("livestream.live").facts["livestream"], "name": ""}

        assert json.loads(body_of(message("livestream.live", livestream=livestream)))["livestream"]["name"] is None

    def test_meetings_have_the_same_shape_in_the_feed(self) -> None:
        told = entry(message("meeting.participantLeft"))

        assert list(told) == [
            "id",
            "event",
            "sequence",
            "createdAt",
            "appId",
            "organizationId",
            "meeting",
            "session",
            "participant",
            "reason",
        ]
        assert told["participant"] == {
            "id": "3a1b2c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d",
            "peerId": "e32fb785-ddd0-4b96-b577-879327c0082f",
            "name": "Mary Sue",
            "customParticipantId": "employee-7",
            "joinedAt": "2026-11-21T20:00:04.250Z",
            "leftAt": "2026-11-21T21:30:00.000Z",
        }


class TestLiveApi:
    def test_ours_with_its_ids_beside(self) -> None:
        body = json.loads(body_of(message("stream-disconnected")))

        livestream = {"_id": "621c8dda6eba4022b13ee870", **_OURS["livestream"]}  # type: ignore[dict-item]
        session = {"_id": "5c0e1f9a3b7d4f428a660b9d", **_OURS["session"]}  # type: ignore[dict-item]
        assert body == {**_OURS, "event": "stream-disconnected", "livestream": livestream, "session": session}

    def test_platforms_have_one_too(self) -> None:
        body = json.loads(body_of(message("stream-platform-added")))

        assert body["simulcast"]["_id"] == "6226ce8431dd4eb3b54aa249"


class TestBytes:
    @pytest.mark.parametrize("format", _FORMATS)
    @pytest.mark.parametrize("event_name", _EMITTED, ids=lambda event_name: event_name.name)
    def test_every_event_that_goes_out_has_a_body_under_its_name(self, event_name: Any, format: str) -> None:
        for type in event_name.types:
            body = json.loads(body_of(message(event_name.name, type=type, format=format)))

            assert body["event"] == event_name.name
            assert (event_name.family == Family.VENDORS) == ("sequence" not in body)

    def test_are_what_javascript_makes_of_them_again(self) -> None:
        """Dyte's receivers check the signature over `JSON.stringify` of the parsed body."""
        node = shutil.which("node")
        if node is None:
            pytest.skip("Node is not installed.")
        name = 'Ünïcödé 🎥 "quoted" \\ / </script> \u2028\u2029 \x7f\u00a0 é e\u0301'
        livestream = {**message("livestream.live").facts["livestream"], "name": name}
        bodies = [body_of(message("livestream.live", livestream=livestream))]
        bodies += [body_of(message(event_name.name)) for event_name in _EMITTED]
        script = "for (const line of require('fs').readFileSync(0, 'utf8').split('\\n').slice(0, -1))"
        script += "console.log(JSON.stringify(JSON.parse(line)))"

        made = subprocess.run(
            [node, "-e", script], input=b"\n".join(bodies) + b"\n", capture_output=True, timeout=60, check=True
        )

        assert made.stdout.split(b"\n")[:-1] == bodies

    def test_are_compact_and_unescaped(self) -> None:
        livestream = {**message("livestream.live").facts["livestream"], "name": "Frühling 🎥"}
        body = body_of(message("livestream.live", livestream=livestream))

        assert '"name":"Frühling 🎥","status":"live"'.encode() in body
        assert b": " not in body
        assert b", " not in body


class TestStreamKeys:
    def test_are_wanted_where_realtimekit_has_them_and_nowhere_else(self) -> None:
        wanted = {
            (event_name.name, format)
            for event_name in EVENT_NAMES.values()
            for format in _FORMATS
            if needs_stream_key(name=event_name.name, format=format)
        }

        assert wanted == {("livestreaming.statusUpdate", "realtimekit")}

    @pytest.mark.parametrize("format", _FORMATS)
    @pytest.mark.parametrize("event_name", _EMITTED, ids=lambda event_name: event_name.name)
    def test_do_not_get_into_a_body_that_does_not_want_them(self, event_name: Any, format: str) -> None:
        body = body_of(message(event_name.name, format=format), stream_key="sk_secret")

        assert (b"sk_secret" in body) == needs_stream_key(name=event_name.name, format=format)

    def test_of_a_livestream_that_has_none_any_more_are_null(self) -> None:
        told = message("livestreaming.statusUpdate", type="livestream.ended", format="realtimekit")

        assert json.loads(body_of(told))["streamKey"] is None
