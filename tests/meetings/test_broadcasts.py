"""A meeting's livestream: one at most that is active."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction
from pytest_django import Settings

from livehub.core import events
from livehub.core.errors import NotFoundError
from streams.ingest.services import admit_encoder
from streams.livestreams import test_pictures
from streams.livestreams.events import SessionStatusChanged
from streams.livestreams.lifecycle import LivestreamStoppedError
from streams.livestreams.services import create_livestream, delete_livestream, stop_livestream
from streams.meetings import room
from streams.meetings.broadcasts import start_meeting_livestream, stop_meeting_livestream
from streams.meetings.lifecycle import leave_meeting
from streams.meetings.services.meetings import change_meeting
from streams.models import AuditEntry, Livestream, Meeting, Participant, Session
from streams.organizations.services import SYSTEM
from tests.api.clients import ApiClient
from tests.conftest import Broker
from tests.meetings.people import joined
from tests.runs import ENCODER, connected

Capture = Callable[..., object]


def _start(meeting: Meeting) -> tuple[Livestream, bool]:
    return start_meeting_livestream(meeting=meeting, name="On air", actor=SYSTEM)


class TestStart:
    def test_makes_one_and_then_answers_with_it(self, meeting: Meeting) -> None:
        first, was_made = _start(meeting)
        second, was_made_again = _start(meeting)

        assert (was_made, was_made_again) == (True, False)
        assert (first.pk, first.stream_key) == (second.pk, second.stream_key)
        assert Livestream.objects.get().meeting == meeting

    def test_keeps_the_picture_that_was_asked_for(self, api: ApiClient, meeting: Meeting) -> None:
        body = {"name": "Town hall", "video_config": {"width": 640, "height": 360}}

        assert api.post(f"/meetings/{meeting.pk}/livestreams", body).status_code == 201

        made = Livestream.objects.get()
        assert (made.name, made.video_config) == ("Town hall", {"width": 640, "height": 360})

    @pytest.mark.django_db(transaction=True)
    def test_of_twenty_at_once_makes_one(self, meeting: Meeting) -> None:
        def start(_: int) -> tuple[Livestream, bool]:
            try:
                return _start(meeting)
            finally:
                connection.close()

        with ThreadPoolExecutor(max_workers=20) as starters:
            outcomes = list(starters.map(start, range(20)))

        assert Livestream.objects.count() == 1
        assert len({livestream.pk for livestream, _ in outcomes}) == 1
        assert [was_made for _, was_made in outcomes].count(True) == 1

    def test_cannot_make_two_whoever_forgets_the_lock(self, meeting: Meeting) -> None:
        _start(meeting)

        with pytest.raises(IntegrityError), transaction.atomic():
            create_livestream(app=meeting.app, name="", actor=SYSTEM, meeting_id=meeting.pk)

    def test_makes_another_after_a_stop_or_a_deletion(self, meeting: Meeting) -> None:
        first, _ = _start(meeting)
        stop_meeting_livestream(meeting=meeting, actor=SYSTEM)
        second, _ = _start(meeting)
        delete_livestream(livestream=second, actor=SYSTEM)
        third, was_made = _start(meeting)

        assert was_made
        assert len({first.pk, second.pk, third.pk}) == 3
        assert len({first.stream_key, second.stream_key, third.stream_key}) == 3


class TestStop:
    def test_ends_the_broadcast_and_cuts_the_encoder(self, meeting: Meeting, broker: Broker, capture: Capture) -> None:
        livestream, _ = _start(meeting)
        session = connected(livestream)

        with capture(execute=True):  # type: ignore[attr-defined]  # A context manager of pytest-django's.
            stop_meeting_livestream(meeting=meeting, actor=SYSTEM)

        session.refresh_from_db()
        livestream.refresh_from_db()
        assert (session.status, session.end_reason, livestream.status) == ("ended", "stopped", "idle")
        assert "streams.drop_encoder" in broker.names
        assert AuditEntry.objects.filter(action="livestream.stopped", target_id=livestream.pk).exists()

    def test_is_told_once(self, meeting: Meeting, monkeypatch: pytest.MonkeyPatch) -> None:
        heard: list[SessionStatusChanged] = []
        monkeypatch.setitem(events._subscribers, SessionStatusChanged, [heard.append])
        livestream, _ = _start(meeting)
        connected(livestream)

        for _ in range(2):
            stop_livestream(livestream=livestream, actor=SYSTEM)

        assert [(event.old, event.new) for event in heard] == [("", "connecting"), ("connecting", "ended")]

    def test_refuses_the_key_from_then_on_with_a_sentence(self, meeting: Meeting) -> None:
        livestream, _ = _start(meeting)
        stop_meeting_livestream(meeting=meeting, actor=SYSTEM)

        with pytest.raises(LivestreamStoppedError, match="Start the meeting's livestream again"):
            admit_encoder(name=livestream.stream_key, args={}, encoder=ENCODER)

        livestream.refresh_from_db()
        assert "was stopped" in livestream.last_refusal
        assert not Session.objects.exists()
        with pytest.raises(test_pictures.TestPictureRefusedError):
            test_pictures.start_test_picture(livestream=livestream, actor=SYSTEM)

    def test_finds_none_that_is_not_there(self, meeting: Meeting) -> None:
        for _ in range(2):
            with pytest.raises(NotFoundError, match=f"^No active livestream for meeting {meeting.pk}$"):
                stop_meeting_livestream(meeting=meeting, actor=SYSTEM)
            _start(meeting)
            stop_meeting_livestream(meeting=meeting, actor=SYSTEM)


class TestWithTheSession:
    @pytest.fixture
    def meeting(self, meeting: Meeting) -> Meeting:
        return change_meeting(meeting=meeting, changes={"live_stream_on_start": True}, actor=SYSTEM)

    def test_starts_with_the_first_who_joins_once(self, meeting: Meeting, mary: Participant, bob: Participant) -> None:
        peer = joined(mary)
        livestream = Livestream.objects.get(meeting=meeting, stopped_at=None)
        stop_meeting_livestream(meeting=meeting, actor=SYSTEM)

        # In the same session: what was stopped stays so.
        joined(bob)
        leave_meeting(peer=peer)
        joined(mary)

        assert livestream.name == "Backend standup"
        assert Livestream.objects.count() == 1

    def test_starts_again_with_the_next_session(self, meeting: Meeting, mary: Participant) -> None:
        joined(mary)
        room.kick_all(meeting=meeting, actor=SYSTEM)
        assert Livestream.objects.get().stopped_at

        joined(mary)

        assert Livestream.objects.filter(meeting=meeting).count() == 2
        assert Livestream.objects.filter(meeting=meeting, stopped_at=None).count() == 1

    def test_keeps_nobody_out_when_the_quota_is_used_up(
        self, meeting: Meeting, mary: Participant, settings: Settings
    ) -> None:
        settings.MAX_LIVESTREAMS_PER_ORGANIZATION = 0

        joined(mary)

        assert not Livestream.objects.exists()
        refused = AuditEntry.objects.get(action="meeting.livestream_refused")
        assert "limit" in refused.detail["reason"]

    def test_does_not_start_unless_asked_for(self, meeting: Meeting, mary: Participant) -> None:
        change_meeting(meeting=meeting, changes={"live_stream_on_start": False}, actor=SYSTEM)

        joined(mary)

        assert not Livestream.objects.exists()
