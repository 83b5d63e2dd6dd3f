"""Sessions, the active one, and the meeting's livestream, in both dialects."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection

from livehub.core import clock
from streams.livestreams.services import create_livestream, delete_livestream
from streams.meetings import room
from streams.meetings.lifecycle import leave_meeting
from streams.meetings.services.meetings import create_meeting
from streams.models import Livestream, Meeting, MeetingSession, Participant, Session, SessionParticipant
from streams.organizations.services import SYSTEM, NewOrganization
from tests.api.clients import ApiClient, read
from tests.meetings.people import added, joined, session_of
from tests.meetings.queries import asked_for
from tests.runs import connected, finished

SESSION_MEMBERS = {
    *("id", "associated_id", "organization_id", "meeting_display_name", "type", "status", "live_participants"),
    *("max_concurrent_participants", "minutes_consumed", "started_at", "ended_at", "created_at", "updated_at"),
}


def _data(response: Any, *, status: int = 200) -> Any:
    assert response.status_code == status, response.content
    return read(response)["data"]


def _message(response: Any) -> str:
    assert response.status_code == 404
    message: str = read(response)["error"]["message"]
    return message


class TestActiveSession:
    def test_is_shown_while_it_goes_on(self, api: ApiClient, meeting: Meeting, mary: Participant) -> None:
        path = f"/meetings/{meeting.pk}/active-session"
        assert _message(api.get(path)).startswith(f"No active session found for meeting_id {meeting.pk}")
        joined(mary, ago=timedelta(minutes=30, seconds=15))

        shown = _data(api.get(path))
        assert shown.keys() == SESSION_MEMBERS
        assert (shown["associated_id"], shown["organization_id"]) == (str(meeting.pk), str(meeting.app_id))
        assert (shown["status"], shown["type"], shown["live_participants"]) == ("LIVE", "meeting", 1)
        assert (shown["meeting_display_name"], shown["ended_at"]) == ("Backend standup", None)
        began_at = clock.isoformat(session_of(meeting).created_at)
        assert (shown["started_at"], shown["created_at"]) == (began_at, began_at)
        assert shown["updated_at"] > began_at
        assert 30.25 <= shown["minutes_consumed"] < 31

        room.kick_all(meeting=meeting, actor=SYSTEM)
        _message(api.get(path))

    def test_is_left_by_who_is_kicked(
        self, api: ApiClient, meeting: Meeting, mary: Participant, bob: Participant
    ) -> None:
        for each in (mary, bob, added(meeting, "ann")):
            joined(each)
        body = {"participant_ids": [str(mary.pk), "nonsense"], "custom_participant_ids": ["bob", "nobody"]}

        kicked = _data(api.post(f"/meetings/{meeting.pk}/active-session/kick", body))

        assert kicked["action"] == "kick"
        assert {each["custom_participant_id"] for each in kicked["participants"]} == {"mary", "bob"}
        assert {"id", "created_at", "updated_at", "name", "picture"} <= kicked["participants"][0].keys()
        assert session_of(meeting).live_participants == 1

    @pytest.mark.parametrize("deed", ["kick", "mute"])
    def test_knows_nobody_who_is_not_there(
        self, api: ApiClient, meeting: Meeting, mary: Participant, deed: str
    ) -> None:
        joined(mary)
        path = f"/meetings/{meeting.pk}/active-session/{deed}"

        for who in ({"participant_ids": ["nonsense"]}, {"custom_participant_ids": ["nobody"]}):
            _message(api.post(path, who))
        for body in (b"", b"{}", b'{"participant_ids": []}'):
            assert api.request("POST", path, raw=body).status_code == 422

    def test_ends_when_all_are_kicked(
        self, api: ApiClient, meeting: Meeting, mary: Participant, bob: Participant
    ) -> None:
        joined(mary)
        joined(bob)

        kicked = _data(api.post(f"/meetings/{meeting.pk}/active-session/kick-all"))

        assert kicked == {"action": "kick-all", "kicked_participants_count": 2}
        assert session_of(meeting).status == "ended"

    def test_is_muted(self, api: ApiClient, meeting: Meeting, mary: Participant, bob: Participant) -> None:
        joined(mary)
        joined(bob)
        path = f"/meetings/{meeting.pk}/active-session"

        one = _data(api.post(f"{path}/mute", {"participant_ids": [str(mary.pk)]}))
        everybody = _data(api.post(f"{path}/mute-all", {"allow_unmute": False}))

        assert (one["action"], len(one["participants"])) == ("mute", 1)
        assert everybody == {"action": "mute-all", "muted_participants_count": 2}
        assert not SessionParticipant.objects.filter(may_unmute=True).exists()
        # Without a word they may.
        api.post(f"{path}/mute-all")
        assert not SessionParticipant.objects.filter(may_unmute=False).exists()

    def test_is_asked(self, api: ApiClient, meeting: Meeting, mary: Participant) -> None:
        joined(mary)
        body = {"question": "Lunch?", "options": ["Yes", "No"], "anonymous": True, "hide_votes": True}

        asked = _data(api.post(f"/meetings/{meeting.pk}/active-session/poll", body), status=201)

        poll = asked["poll"]
        assert (asked["action"], poll["question"]) == ("poll", "Lunch?")
        assert (poll["anonymous"], poll["hide_votes"]) == (True, True)
        assert poll["options"] == [{"text": "Yes", "count": 0, "votes": []}, {"text": "No", "count": 0, "votes": []}]

    @pytest.mark.parametrize(
        "body", [{}, {"question": "?"}, {"options": ["a"]}, {"question": "?", "options": []}, {"question": 5}]
    )
    def test_is_not_asked_nothing(self, api: ApiClient, meeting: Meeting, mary: Participant, body: object) -> None:
        joined(mary)

        assert api.post(f"/meetings/{meeting.pk}/active-session/poll", body).status_code == 422

    @pytest.mark.parametrize(
        ("deed", "body"),
        [
            ("kick", {"custom_participant_ids": ["mary"]}),
            ("kick-all", None),
            ("mute", {"custom_participant_ids": ["mary"]}),
            ("mute-all", None),
            ("poll", {"question": "?", "options": ["a"]}),
        ],
    )
    def test_must_go_on_for_any_of_that(self, api: ApiClient, meeting: Meeting, deed: str, body: object) -> None:
        message = _message(api.post(f"/meetings/{meeting.pk}/active-session/{deed}", body))

        assert message.startswith(f"No active session found for meeting_id {meeting.pk}")


class TestSessions:
    @pytest.fixture
    def ended(self, meeting: Meeting, mary: Participant, bob: Participant) -> MeetingSession:
        """A session in which mary was for ten minutes, twice, and bob for five."""
        for minutes in (10, 10):
            leave_meeting(peer=joined(mary, ago=timedelta(minutes=minutes)))
        leave_meeting(peer=joined(bob, ago=timedelta(minutes=5)))
        room.kick_all(meeting=meeting, actor=SYSTEM)
        return session_of(meeting)

    def test_are_listed_under_their_name(self, api: ApiClient, ended: MeetingSession) -> None:
        answer = read(api.get("/sessions"))

        item = answer["data"]["sessions"][0]
        assert item.keys() == SESSION_MEMBERS
        assert (item["id"], item["status"]) == (str(ended.pk), "ENDED")
        assert 25 <= item["minutes_consumed"] < 26
        assert answer["paging"] == {"total_count": 1, "start_offset": 1, "end_offset": 1}

    def test_are_one_flat_or_under_its_name(
        self, dyte: ApiClient, realtimekit: ApiClient, ended: MeetingSession
    ) -> None:
        assert _data(dyte.get(f"/sessions/{ended.pk}"))["session"]["id"] == str(ended.pk)
        assert _data(realtimekit.get(f"/sessions/{ended.pk}?include_breakout_rooms=true"))["id"] == str(ended.pk)

    def test_are_narrowed(
        self, api: ApiClient, home: NewOrganization, meeting: Meeting, ended: MeetingSession, mary: Participant
    ) -> None:
        other = create_meeting(app=home.app, values={"title": "Retro"}, actor=SYSTEM)
        joined(added(other, "ann"))
        live = session_of(other)

        def found(query: str) -> set[str]:
            return {item["id"] for item in _data(api.get(f"/sessions?{query}"))["sessions"]}

        assert found("") == {str(ended.pk), str(live.pk)}
        assert found("status=LIVE") == found("search=retro") == found(f"search={live.pk}") == {str(live.pk)}
        assert found(f"associated_id={meeting.pk}") == found(f"search={meeting.pk}") == {str(ended.pk)}
        assert found("participants=mary,nobody") == found(f"participants={mary.pk}") == {str(ended.pk)}
        assert found("associated_id=nonsense") == found("participants=nobody") == set()

    def test_are_sorted(self, api: ApiClient, home: NewOrganization, meeting: Meeting, ended: MeetingSession) -> None:
        other = create_meeting(app=home.app, values={}, actor=SYSTEM)
        joined(added(other, "ann"), ago=timedelta(minutes=90))
        live = session_of(other)

        def found(query: str) -> list[str]:
            return [item["id"] for item in _data(api.get(f"/sessions?{query}"))["sessions"]]

        assert found("sort_order=ASC") == [str(ended.pk), str(live.pk)]
        assert found("sort_by=minutesConsumed&sort_order=DESC") == [str(live.pk), str(ended.pk)]
        assert found("sort_by=minutesConsumed&sort_order=ASC") == [str(ended.pk), str(live.pk)]

    def test_tell_who_was_there(
        self, api: ApiClient, ended: MeetingSession, mary: Participant, bob: Participant
    ) -> None:
        path = f"/sessions/{ended.pk}/participants"

        answer = read(api.get(f"{path}?sort_by=duration&sort_order=DESC"))

        first, second = answer["data"]["participants"]
        assert (first["user_id"], second["user_id"]) == (str(mary.pk), str(bob.pk))
        assert 20 <= first["duration"] < 21
        assert (first["display_name"], first["preset_name"]) == ("Mary Sue", "group_call_host")
        assert first["left_at"] is not None
        assert "peer_events" not in first
        assert answer["paging"]["total_count"] == 2
        found = _data(api.get(f"{path}?search=SUE"))["participants"]
        assert [each["custom_participant_id"] for each in found] == ["mary"]

    def test_tell_of_one_and_of_each_connection(self, api: ApiClient, ended: MeetingSession, mary: Participant) -> None:
        path = f"/sessions/{ended.pk}/participants/{mary.pk}?include_peer_events=true"

        one = _data(api.get(path))["participant"]

        names = [event["event_name"] for event in one["peer_events"]]
        assert names == ["PEER_CREATED", "PEER_JOINING", "PEER_LEAVING"] * 2
        assert one["peer_events"] == _data(api.get(path))["participant"]["peer_events"]
        peer_id = one["peer_events"][0]["peer_id"]
        report = _data(api.get(f"/sessions/peer-report/{peer_id}?filters=device_info"))["participant"]
        assert report["id"] == one["id"]
        assert _data(api.get(f"/sessions/{ended.pk}/participants/{one['id']}"))["participant"]["id"] == one["id"]

    def test_cost_the_same_however_many(self, api: ApiClient, home: NewOrganization) -> None:
        def fill(number: int) -> MeetingSession:
            for _ in range(number):
                room_ = create_meeting(app=home.app, values={}, actor=SYSTEM)
                for index in range(number):
                    joined(added(room_, f"p{index}"))
            return session_of(room_)

        for number in (1, 4):
            session = fill(number)
            one, stays = f"/sessions/{session.pk}", f"/sessions/{session.pk}/participants?include_peer_events=true"

            assert asked_for(lambda: api.get("/sessions")) == 1
            assert asked_for(partial(api.get, one)) == 1
            # The session, who was there, and their connections.
            assert asked_for(partial(api.get, stays)) == 3
            # The meeting, and its session.
            active = f"/meetings/{session.meeting_id}/active-session"
            assert asked_for(partial(api.get, active)) == 2


class TestLivestream:
    def test_is_started_once(self, api: ApiClient, meeting: Meeting) -> None:
        path = f"/meetings/{meeting.pk}/livestreams"

        first = api.post(path, {"name": "Town hall", "video_config": {"width": 1280, "height": 720}})
        second = api.request("POST", path, raw=b"")

        started = _data(first, status=201)
        assert _data(second) == started
        assert started["status"] == ("OFFLINE" if api.name == "dyte" else "IDLE")
        assert started["meeting_id"] == str(meeting.pk)
        livestream = Livestream.objects.get()
        assert (started["id"], started["stream_key"]) == (str(livestream.pk), livestream.stream_key)
        assert livestream.video_config == {"width": 1280, "height": 720}

    @pytest.mark.django_db(transaction=True)
    def test_is_one_for_twenty_who_start_it_at_once(self, dyte: ApiClient, meeting: Meeting) -> None:
        def start(_: int) -> tuple[int, str]:
            try:
                response = dyte.post(f"/meetings/{meeting.pk}/livestreams")
                return response.status_code, read(response)["data"]["id"]
            finally:
                connection.close()

        with ThreadPoolExecutor(max_workers=20) as starters:
            outcomes = list(starters.map(start, range(20)))

        assert sorted(status for status, _ in outcomes) == [200] * 19 + [201]
        assert len({livestream_id for _, livestream_id in outcomes}) == 1

    def test_is_shown_while_it_is_active(self, api: ApiClient, meeting: Meeting) -> None:
        path = f"/meetings/{meeting.pk}/active-livestream"
        assert _message(api.get(path)) == f"No active livestream for meeting {meeting.pk}"
        started = _data(api.post(f"/meetings/{meeting.pk}/livestreams", {"name": "Hall"}), status=201)

        active = _data(api.get(path))

        assert started.items() <= active.items()
        assert active["disabled"] == (False if api.name == "dyte" else "false")
        _data(api.post(f"{path}/stop"))
        assert _message(api.get(path)) == f"No active livestream for meeting {meeting.pk}"

    def test_is_stopped_with_its_broadcast(self, api: ApiClient, meeting: Meeting) -> None:
        path = f"/meetings/{meeting.pk}/active-livestream/stop"
        livestream_id = _data(api.post(f"/meetings/{meeting.pk}/livestreams"), status=201)["id"]
        session = connected(Livestream.objects.get())

        assert _data(api.post(path)) == {"message": "livestream stopped"}

        session.refresh_from_db()
        assert session.end_reason == "stopped"
        assert _message(api.post(path)) == f"No active livestream for meeting {meeting.pk}"
        again = _data(api.post(f"/meetings/{meeting.pk}/livestreams"), status=201)
        assert again["id"] != livestream_id

    @pytest.mark.parametrize(
        "body", [{"name": "a\nb"}, {"video_config": {"width": 0}}, {"video_config": {"width": "1"}}]
    )
    def test_is_refused_when_it_cannot_be_so(self, api: ApiClient, meeting: Meeting, body: object) -> None:
        assert api.post(f"/meetings/{meeting.pk}/livestreams", body).status_code == 422
        assert not Livestream.objects.exists()

    def test_stands_in_the_list_unless_meetings_are_excluded(
        self, api: ApiClient, meeting: Meeting, livestream: Livestream
    ) -> None:
        of_meeting = _data(api.post(f"/meetings/{meeting.pk}/livestreams"), status=201)["id"]

        def listed(query: str) -> dict[str, str | None]:
            data = _data(api.get(f"/livestreams{query}"))
            items = data if api.name == "dyte" else data["livestreams"]
            return {item["id"]: item["meeting_id"] for item in items}

        assert listed("") == {of_meeting: str(meeting.pk), str(livestream.pk): None}
        assert listed("?exclude_meetings=false") == listed("")
        assert listed("?exclude_meetings=true") == {str(livestream.pk): None}
        assert read(api.get("/livestreams?exclude_meetings=true&per_page=1"))["paging"]["total_count"] == 1

    def test_is_listed_by_its_meeting_with_those_before_it(
        self, api: ApiClient, home: NewOrganization, meeting: Meeting
    ) -> None:
        create_livestream(app=home.app, name="Independent", actor=SYSTEM)
        made, newest = list[str](), list[str]()
        for _ in range(2):
            made.append(_data(api.post(f"/meetings/{meeting.pk}/livestreams"), status=201)["id"])
            livestream = Livestream.objects.get(pk=made[-1])
            finished(connected(livestream))
            session = connected(livestream)
            finished(session)
            newest.insert(0, str(session.pk))
            api.post(f"/meetings/{meeting.pk}/active-livestream/stop")

        answer = read(api.get(f"/meetings/{meeting.pk}/livestream"))
        # The meeting, its livestreams with their keys, what these took in, and their newest broadcasts.
        assert asked_for(lambda: api.get(f"/meetings/{meeting.pk}/livestream")) == 4

        assert [each["id"] for each in answer["data"]["livestreams"]] == made[::-1]
        assert [each["livestream_id"] for each in answer["data"]["sessions"]] == made[::-1]
        assert [each["id"] for each in answer["data"]["sessions"]] == newest
        assert answer["paging"] == answer["data"]["paging"] == {"total_count": 2, "start_offset": 1, "end_offset": 2}

    def test_broadcasts_are_listed_with_the_session_that_they_were_in(
        self, api: ApiClient, meeting: Meeting, mary: Participant
    ) -> None:
        api.post(f"/meetings/{meeting.pk}/livestreams")
        before = connected(Livestream.objects.get())
        finished(before)
        yesterday = clock.now() - timedelta(days=1)
        Session.objects.filter(pk=before.pk).update(created_at=yesterday, stopped_at=yesterday)
        joined(mary)
        during = connected(Livestream.objects.get())
        api.post(f"/meetings/{meeting.pk}/active-livestream/stop")
        api.post(f"/meetings/{meeting.pk}/livestreams")
        gone = Livestream.objects.get(stopped_at=None)
        connected(gone)
        delete_livestream(livestream=gone, actor=SYSTEM)
        room.kick_all(meeting=meeting, actor=SYSTEM)
        api.post(f"/meetings/{meeting.pk}/livestreams")
        connected(Livestream.objects.get(stopped_at=None, deleted_at=None))

        answer = read(api.get(f"/sessions/{session_of(meeting).pk}/livestream-sessions"))

        assert [each["id"] for each in answer["data"]] == [str(during.pk)]
        assert answer["paging"]["total_count"] == 1


@pytest.mark.parametrize(
    "path",
    [
        "/meetings/{meeting}/active-livestream",
        "/meetings/{meeting}/active-session",
        "/meetings/{meeting}/livestream",
        "/sessions/{session}",
        "/sessions/{session}/participants",
        "/sessions/{session}/livestream-sessions",
        "/sessions/peer-report/{peer}",
    ],
)
def test_another_tenants_are_not_there(api: ApiClient, foreign_meeting: Meeting, path: str) -> None:
    peer = joined(added(foreign_meeting, "stranger"))
    ids = {"meeting": foreign_meeting.pk, "session": session_of(foreign_meeting).pk, "peer": peer.pk}

    assert api.get(path.format(**ids)).status_code == 404
