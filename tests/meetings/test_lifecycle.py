"""Sessions: from the first who joins until a while after the last one has left."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from pytest_django import DjangoAssertNumQueries, Settings

from livehub.celery import app
from livehub.core import clock
from livehub.core.errors import NotFoundError
from streams.meetings import sweeps, tasks
from streams.meetings.events import MeetingEnded, MeetingStarted, ParticipantJoined, ParticipantLeft
from streams.meetings.lifecycle import MeetingInactiveError, end_session, join_meeting, leave_meeting
from streams.meetings.locks import find_live_session, lock_meeting
from streams.meetings.selectors import get_participant_by_token
from streams.meetings.services.meetings import change_meeting
from streams.meetings.services.participants import delete_participant, renew_token
from streams.meetings.states import LeaveReason, MeetingEndReason
from streams.meetings.tokens import ParticipantTokenRejectedError, make_token
from streams.models import Meeting, MeetingSession, Participant, SessionParticipant
from streams.organizations.services import SYSTEM
from tests.meetings.people import added, joined, session_of
from tests.overtaking import overtaken

Told = list[object]


def _wait_out(meeting: Meeting) -> None:
    """Let the time pass for which an empty session is kept."""
    MeetingSession.objects.filter(meeting=meeting).update(ends_at=clock.now() - timedelta(seconds=1))


class TestJoin:
    def test_of_the_first_opens_a_session(self, meeting: Meeting, mary: Participant, told: Told) -> None:
        peer = join_meeting(participant=mary)

        session = session_of(meeting)
        assert (session.status, session.live_participants, session.max_concurrent_participants) == ("live", 1, 1)
        started, came = told
        assert isinstance(started, MeetingStarted)
        assert (started.session_id, started.title) == (session.pk, "Backend standup")
        assert (started.organization_name, started.app_id) == ("Northwind Events", meeting.app_id)
        assert isinstance(came, ParticipantJoined)
        assert (came.peer_id, came.custom_participant_id, came.name) == (peer.pk, "mary", "Mary Sue")

    def test_of_others_goes_into_the_same_one(
        self, meeting: Meeting, mary: Participant, bob: Participant, told: Told
    ) -> None:
        joined(mary)
        joined(bob)

        assert session_of(meeting).live_participants == 2
        assert len([event for event in told if isinstance(event, MeetingStarted)]) == 1

    def test_counts_a_participant_with_two_tabs_once(self, meeting: Meeting, mary: Participant) -> None:
        first, second = joined(mary), joined(mary)

        leave_meeting(peer=first)
        assert session_of(meeting).live_participants == 1
        leave_meeting(peer=second)
        assert session_of(meeting).live_participants == 0
        assert SessionParticipant.objects.get().left_at is not None

    def test_is_refused_while_the_meeting_is_inactive(self, meeting: Meeting, mary: Participant) -> None:
        change_meeting(meeting=meeting, changes={"status": "inactive"}, actor=SYSTEM)

        with pytest.raises(MeetingInactiveError):
            join_meeting(participant=mary)
        assert not MeetingSession.objects.exists()

    def test_is_refused_to_who_was_deleted(self, mary: Participant) -> None:
        delete_participant(participant=mary, actor=SYSTEM)

        with pytest.raises(NotFoundError):
            join_meeting(participant=mary)

    def test_is_refused_with_a_token_that_was_revoked_at_that_moment(self, mary: Participant) -> None:
        holder = get_participant_by_token(make_token(mary))
        renew_token(participant=mary, revokes_earlier=True, actor=SYSTEM)

        with pytest.raises(ParticipantTokenRejectedError):
            join_meeting(participant=holder)
        assert not MeetingSession.objects.exists()

    @pytest.mark.django_db(transaction=True)
    def test_of_two_at_once_opens_one_session(self, meeting: Meeting, mary: Participant, bob: Participant) -> None:
        overtaken(lambda: join_meeting(participant=mary), by=lambda: join_meeting(participant=bob))

        assert session_of(meeting).live_participants == 2

    def test_cannot_open_two_whoever_forgets_the_lock(self, meeting: Meeting, mary: Participant) -> None:
        joined(mary)

        with pytest.raises(IntegrityError), transaction.atomic():
            MeetingSession.objects.create(meeting=meeting, app=meeting.app)


class TestLeave:
    def test_is_told_with_its_reason(self, mary: Participant, told: Told) -> None:
        peer = joined(mary)

        leave_meeting(peer=peer, reason=LeaveReason.LOST)

        gone = told[-1]
        assert isinstance(gone, ParticipantLeft)
        assert (gone.peer_id, gone.leave_reason) == (peer.pk, "lost")
        peer.refresh_from_db()
        assert (peer.left_at, peer.leave_reason) == (gone.at, "lost")
        assert (gone.joined_at, gone.at > gone.joined_at) == (peer.joined_at, True)

    def test_twice_changes_nothing(self, meeting: Meeting, mary: Participant, bob: Participant, told: Told) -> None:
        peer = joined(mary)
        joined(bob)
        for _ in range(2):
            leave_meeting(peer=peer)

        session = session_of(meeting)
        assert (session.live_participants, session.max_concurrent_participants) == (1, 2)
        assert len([event for event in told if isinstance(event, ParticipantLeft)]) == 1

    def test_adds_up_how_long_everybody_was_there(self, meeting: Meeting, mary: Participant, bob: Participant) -> None:
        leave_meeting(peer=joined(mary, ago=timedelta(minutes=10)))
        joined(bob, ago=timedelta(minutes=5))

        session = session_of(meeting)
        assert abs(session.consumed_now - timedelta(minutes=15)) < timedelta(seconds=30)
        assert abs(session.ended_stays - timedelta(minutes=10)) < timedelta(seconds=30)


class TestEnd:
    def test_comes_some_time_after_the_last_one_has_left(self, meeting: Meeting, mary: Participant, told: Told) -> None:
        change_meeting(meeting=meeting, changes={"session_keep_alive_s": 300}, actor=SYSTEM)
        leave_meeting(peer=joined(mary))

        sweeps.end_empty_sessions()
        session = session_of(meeting)
        assert session.status == "live"
        assert session.ends_at
        assert timedelta(seconds=290) < session.ends_at - clock.now() <= timedelta(seconds=300)

        _wait_out(meeting)
        tasks.sweep_meetings()
        session = session_of(meeting)
        assert (session.status, session.end_reason, session.ends_at) == ("ended", "everybody_left", None)
        ended = told[-1]
        assert isinstance(ended, MeetingEnded)
        assert (ended.end_reason, ended.session_id) == ("everybody_left", session.pk)

    def test_is_not_put_off_by_what_happens_to_who_is_not_there(
        self, meeting: Meeting, mary: Participant, bob: Participant
    ) -> None:
        leave_meeting(peer=joined(mary))
        due_at = session_of(meeting).ends_at

        delete_participant(participant=bob, actor=SYSTEM)

        assert session_of(meeting).ends_at == due_at

    def test_does_not_come_when_somebody_is_back(self, meeting: Meeting, mary: Participant) -> None:
        leave_meeting(peer=joined(mary))
        joined(mary)
        sweeps.end_empty_sessions()

        session = session_of(meeting)
        assert (session.status, session.ends_at, session.live_participants) == ("live", None, 1)
        assert SessionParticipant.objects.get().left_at is None

    @pytest.mark.django_db(transaction=True)
    def test_does_not_come_over_somebody_who_joins_at_that_moment(self, meeting: Meeting, mary: Participant) -> None:
        leave_meeting(peer=joined(mary))
        _wait_out(meeting)

        overtaken(sweeps.end_empty_sessions, by=lambda: join_meeting(participant=mary))

        assert session_of(meeting).status == "live"

    @pytest.mark.django_db(transaction=True)
    def test_is_put_off_by_somebody_who_only_looks_in(self, meeting: Meeting, mary: Participant) -> None:
        leave_meeting(peer=joined(mary))
        _wait_out(meeting)

        overtaken(sweeps.end_empty_sessions, by=lambda: leave_meeting(peer=join_meeting(participant=mary)))

        session = session_of(meeting)
        assert session.status == "live"
        assert session.ends_at
        assert session.ends_at > clock.now()

    def test_takes_everybody_out(self, meeting: Meeting, mary: Participant, bob: Participant, told: Told) -> None:
        joined(mary)
        joined(mary)
        joined(bob)

        with transaction.atomic():
            session = find_live_session(lock_meeting(meeting.pk))
            assert session
            assert end_session(session, reason=MeetingEndReason.HOST_ENDED) == 2

        assert session_of(meeting).live_participants == 0
        assert not SessionParticipant.objects.present().exists()
        assert [type(event).__name__ for event in told[-4:]] == [*["ParticipantLeft"] * 3, "MeetingEnded"]

    def test_is_followed_by_another_session(self, meeting: Meeting, mary: Participant) -> None:
        leave_meeting(peer=joined(mary))
        _wait_out(meeting)
        sweeps.end_empty_sessions()

        joined(mary)

        assert sorted(MeetingSession.objects.values_list("status", flat=True)) == ["ended", "live"]

    def test_costs_as_much_for_many_as_for_few(
        self, meeting: Meeting, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        def fill_and_end(number: int) -> None:
            for index in range(number):
                joined(added(meeting, f"p{index}"))
            session = find_live_session(meeting)
            assert session
            session.meeting = lock_meeting(meeting.pk)
            # Of them two are the events: of all who left, and of the end.
            with django_assert_num_queries(10):
                end_session(session, reason=MeetingEndReason.HOST_ENDED)

        fill_and_end(1)
        fill_and_end(9)


def test_whoever_is_deleted_has_to_leave(meeting: Meeting, mary: Participant, bob: Participant, told: Told) -> None:
    joined(mary)
    joined(bob)

    delete_participant(participant=mary, actor=SYSTEM)

    assert session_of(meeting).live_participants == 1
    gone = told[-1]
    assert isinstance(gone, ParticipantLeft)
    assert (gone.participant_id, gone.leave_reason) == (mary.pk, "removed")


def test_the_sweep_is_called_regularly(settings: Settings) -> None:
    tasks_called = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}

    assert tasks.sweep_meetings.name in tasks_called
    assert tasks.sweep_meetings.name in app.tasks
