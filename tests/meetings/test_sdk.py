"""Cloudflare's official SDK against meetings, strict: an answer that is not of its types raises."""

from collections.abc import Iterator
from typing import Any, TypedDict

import pytest
from cloudflare import Cloudflare, NotFoundError
from pytest_django.live_server_helper import LiveServer

from streams.meetings.selectors import get_participant_by_token
from streams.models import Meeting, Participant, Preset
from streams.organizations.services import NewOrganization
from tests.meetings.home import whole_preset
from tests.meetings.people import joined, session_of

pytestmark = pytest.mark.django_db(transaction=True)


class Place(TypedDict):
    account_id: str
    app_id: str


@pytest.fixture
def sdk(live_server: LiveServer, home: NewOrganization) -> Iterator[Cloudflare]:
    with Cloudflare(
        api_token=home.api_token,
        base_url=f"{live_server.url}/client/v4",
        _strict_response_validation=True,
        max_retries=0,
    ) as client:
        yield client


@pytest.fixture
def place(home: NewOrganization) -> Place:
    return {"account_id": home.organization.pk.hex, "app_id": home.app.pk.hex}


class TestMeetings:
    def test_are_made_changed_replaced_and_listed(self, sdk: Cloudflare, place: Place) -> None:
        meetings = sdk.realtime_kit.meetings
        made = meetings.create(
            **place,
            title="From the SDK",
            live_stream_on_start=None,
            session_keep_alive_time_in_secs=90,
            recording_config={
                "max_seconds": 60,
                "storage_config": {"type": "aws", "access_key": "a", "secret": "b", "region": "eu", "bucket": "c"},
                "realtimekit_bucket_config": {"enabled": True},
                "video_config": {"watermark": {"position": "left top", "size": {"width": 1, "height": 1}}},
            },
            ai_config={"transcription": {"keywords": ["x"], "language": "de"}, "summarization": {"word_limit": 500}},
        ).data
        assert made is not None
        assert (made.title, made.status, made.session_keep_alive_time_in_secs) == ("From the SDK", "ACTIVE", 90)
        assert made.recording_config is not None
        assert made.recording_config.realtimekit_bucket_config is not None

        one: Any = {**place, "meeting_id": made.id}
        changed = meetings.update_meeting_by_id(**one, status="INACTIVE", persist_chat=True).data
        assert changed is not None
        assert (changed.status, changed.persist_chat) == ("INACTIVE", True)
        replaced = meetings.replace_meeting_by_id(**one, title="Anew").data
        assert replaced is not None
        assert (replaced.title, replaced.persist_chat) == ("Anew", False)
        found = meetings.get_meeting_by_id(**one, name="stray").data
        assert found is not None
        assert found.id == made.id
        listed = meetings.get(**place, search="anew", page_no=1, per_page=5)
        assert [each.id for each in listed.data] == [made.id]
        assert listed.paging.total_count == 1

    def test_take_participants_in(self, sdk: Cloudflare, place: Place, meeting: Meeting) -> None:
        meetings = sdk.realtime_kit.meetings
        of: Any = {**place, "meeting_id": str(meeting.pk)}
        added = meetings.add_participant(
            **of,
            custom_participant_id="u1",
            preset_name="group_call_host",
            name=None,
            picture="https://a.example/a.png",
        ).data
        assert added is not None
        assert get_participant_by_token(added.token).custom_participant_id == "u1"

        one: Any = {**of, "participant_id": added.id}
        edited = meetings.edit_participant(**one, name="Ann", preset_name=None).data
        assert edited is not None
        assert (edited.name, edited.preset_name) == ("Ann", "group_call_host")
        assert meetings.get_meeting_participant(**one).data.id == added.id
        assert [each.id for each in meetings.get_meeting_participants(**of).data] == [added.id]
        assert get_participant_by_token(meetings.refresh_participant_token(**one).data.token)
        gone = meetings.delete_meeting_participant(**one).data
        assert gone is not None
        assert gone.custom_participant_id == "u1"


class TestLivestream:
    def test_is_started_found_and_stopped(self, sdk: Cloudflare, place: Place, meeting: Meeting) -> None:
        livestreams, meeting_id = sdk.realtime_kit.livestreams, str(meeting.pk)
        started = livestreams.start_livestreaming_a_meeting(meeting_id, **place, video_config={"width": 640}).data
        assert started is not None
        assert started.status == "IDLE"

        active = livestreams.get_meeting_active_livestreams(meeting_id, **place).data
        assert active is not None
        assert (active.id, active.meeting_id, active.disabled) == (started.id, meeting_id, "false")

        stopped = livestreams.stop_livestreaming_a_meeting(meeting_id, **place).data
        assert stopped is not None
        assert stopped.message == "livestream stopped"
        with pytest.raises(NotFoundError) as caught:
            livestreams.get_meeting_active_livestreams(meeting_id, **place)
        assert str(caught.value.errors[0].message) == f"No active livestream for meeting {meeting_id}"


class TestPresets:
    def test_are_made_changed_replaced_and_deleted(self, sdk: Cloudflare, place: Place) -> None:
        presets = sdk.realtime_kit.presets
        whole: Any = whole_preset("moderator")
        made: Any = presets.create(**place, **whole).data
        assert made.ui.design_tokens.colors.background.api_1000 == "#141414"

        changes: Any = {"ui": {"design_tokens": {"colors": {"brand": {"_300": "#ffffff"}}}}}
        changed: Any = presets.update(made.id, **place, **changes).data
        assert changed.ui.design_tokens.colors.brand.api_300 == "#ffffff"
        assert changed.ui.design_tokens.colors.brand.api_400 == "#9d5b22"
        replaced: Any = presets.replace_preset_by_id(made.id, **place, **whole).data
        assert replaced.ui.design_tokens.colors.brand.api_300 == "#844d1c"
        assert presets.get_preset_by_id(made.id, **place).data.id == made.id
        assert made.id in {each.id for each in presets.get(**place, search="moder").data}
        assert presets.delete(made.id, **place).data.id == made.id
        assert Preset.objects.get(pk=made.id).deleted_at


class TestSessions:
    def test_are_read(self, sdk: Cloudflare, place: Place, meeting: Meeting, mary: Participant) -> None:
        peer, session = joined(mary), session_of(meeting)
        sessions, session_id = sdk.realtime_kit.sessions, str(session.pk)

        listed = sessions.get_sessions(**place, sort_by="minutesConsumed", sort_order="DESC", status="LIVE")
        assert listed.data is not None
        assert listed.data.sessions is not None
        assert [each.id for each in listed.data.sessions] == [session_id]
        details = sessions.get_session_details(session_id, **place, include_breakout_rooms=True).data
        assert details is not None
        assert details.live_participants == 1
        there = sessions.get_session_participants(session_id, **place, include_peer_events=True, view="raw").data
        assert there is not None
        assert there.participants is not None
        assert there.participants[0].user_id == str(mary.pk)
        one = sessions.get_session_participant_details(str(mary.pk), **place, session_id=session_id).data
        assert one is not None
        report = sessions.get_participant_data_from_peer_id(str(peer.pk), **place, filters="events").data
        assert report is not None
        assert report.participant is not None

    def test_are_acted_upon_while_they_go_on(
        self, sdk: Cloudflare, place: Place, meeting: Meeting, mary: Participant
    ) -> None:
        joined(mary)
        active, meeting_id = sdk.realtime_kit.active_session, str(meeting.pk)

        shown = active.get_active_session(meeting_id, **place).data
        assert shown is not None
        assert shown.status == "LIVE"
        asked = active.create_poll(meeting_id, **place, question="Lunch?", options=["Yes"], anonymous=True).data
        assert asked is not None
        assert asked.poll is not None
        assert asked.poll.question == "Lunch?"
        kicked = active.kick_participants(
            meeting_id, **place, participant_ids=[str(mary.pk)], custom_participant_ids=[]
        ).data
        assert kicked is not None
        assert kicked.participants is not None
        assert kicked.participants[0].name == "Mary Sue"
        ended = active.kick_all_participants(meeting_id, **place).data
        assert ended is not None
        assert ended.kicked_participants_count == 0
        with pytest.raises(NotFoundError):
            active.get_active_session(meeting_id, **place)
