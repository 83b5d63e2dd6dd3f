"""What a host does in a session."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from livehub.core.errors import NotFoundError
from streams.meetings import room
from streams.meetings.events import MeetingEnded, ParticipantLeft, ParticipantsMuted, PollCreated
from streams.meetings.lifecycle import join_meeting, leave_meeting
from streams.meetings.room import Chosen
from streams.models import AuditEntry, Meeting, Participant, SessionParticipant
from streams.organizations.services import SYSTEM
from tests.meetings.people import added, joined, session_of

Told = list[object]
NOBODY = Chosen([], [])


class TestKick:
    def test_takes_out_who_is_named_by_any_id(
        self, meeting: Meeting, mary: Participant, bob: Participant, told: Told
    ) -> None:
        ann, eve = added(meeting, "ann"), added(meeting, "eve")
        stays = {each: joined(each).session_participant_id for each in (mary, bob, ann, eve)}

        gone = room.kick(meeting=meeting, chosen=Chosen([mary.pk, stays[eve]], ["bob"]), actor=SYSTEM)

        assert [each.participant_id for each in gone] == [mary.pk, bob.pk, eve.pk]
        assert session_of(meeting).live_participants == 1
        left = [event for event in told if isinstance(event, ParticipantLeft)]
        assert {(event.participant_id, event.leave_reason) for event in left} == {
            (mary.pk, "removed"),
            (bob.pk, "removed"),
            (eve.pk, "removed"),
        }
        told_of = AuditEntry.objects.get(action="meeting.participants_kicked").detail
        assert told_of == {"participants": ["mary", "bob", "eve"]}

    def test_lets_them_come_again(self, meeting: Meeting, mary: Participant, bob: Participant) -> None:
        joined(mary)
        joined(bob)
        room.kick(meeting=meeting, chosen=Chosen([mary.pk], []), actor=SYSTEM)

        join_meeting(participant=mary)

        assert session_of(meeting).live_participants == 2

    @pytest.mark.parametrize("chosen", [NOBODY, Chosen([uuid4()], ["nobody"])])
    def test_finds_nobody_who_is_not_there(
        self, meeting: Meeting, mary: Participant, bob: Participant, chosen: Chosen
    ) -> None:
        joined(mary)
        gone = joined(added(meeting, "gone"))
        leave_meeting(peer=gone)

        for each in (chosen, Chosen([bob.pk], []), Chosen([gone.session_participant_id], ["gone"])):
            with pytest.raises(NotFoundError):
                room.kick(meeting=meeting, chosen=each, actor=SYSTEM)
        assert session_of(meeting).live_participants == 1

    def test_reaches_nobody_in_another_meeting(
        self, meeting: Meeting, foreign_meeting: Meeting, mary: Participant
    ) -> None:
        stranger = added(foreign_meeting, "mary")
        joined(mary)
        joined(stranger)

        gone = room.kick(meeting=meeting, chosen=Chosen([stranger.pk], ["mary"]), actor=SYSTEM)

        assert [each.participant_id for each in gone] == [mary.pk]
        assert session_of(foreign_meeting).live_participants == 1

    def test_of_all_ends_the_session(self, meeting: Meeting, mary: Participant, bob: Participant, told: Told) -> None:
        joined(mary)
        joined(bob)

        assert room.kick_all(meeting=meeting, actor=SYSTEM) == 2

        assert session_of(meeting).end_reason == "host_ended"
        ended = told[-1]
        assert isinstance(ended, MeetingEnded)
        assert ended.end_reason == "host_ended"


class TestMute:
    def test_silences_who_is_named(self, meeting: Meeting, mary: Participant, bob: Participant, told: Told) -> None:
        joined(mary)
        joined(bob)

        room.mute(meeting=meeting, chosen=Chosen([], ["bob"]), actor=SYSTEM)

        assert SessionParticipant.objects.get(is_muted=True).participant == bob
        assert SessionParticipant.objects.get(is_muted=True).may_unmute
        muted = told[-1]
        assert isinstance(muted, ParticipantsMuted)
        assert (muted.participant_ids, muted.may_unmute) == ((bob.pk,), True)

    @pytest.mark.parametrize("allows_unmute", [True, False])
    def test_of_all_says_whether_they_may_speak_again(
        self, meeting: Meeting, mary: Participant, bob: Participant, told: Told, *, allows_unmute: bool
    ) -> None:
        joined(mary)
        joined(bob)
        gone = added(meeting, "ann")
        leave_meeting(peer=joined(gone))

        assert room.mute_all(meeting=meeting, allows_unmute=allows_unmute, actor=SYSTEM) == 2

        rows = set(SessionParticipant.objects.exclude(participant=gone).values_list("is_muted", "may_unmute"))
        assert rows == {(True, allows_unmute)}
        assert not SessionParticipant.objects.get(participant=gone).is_muted


def test_poll_is_put_to_the_session(meeting: Meeting, mary: Participant, told: Told) -> None:
    joined(mary)

    poll = room.create_poll(
        meeting=meeting, question="Lunch?", options=["Yes", "No"], is_anonymous=False, hides_votes=True, actor=SYSTEM
    )

    assert poll.session == session_of(meeting)
    asked = told[-1]
    assert isinstance(asked, PollCreated)
    assert asked.poll.options == ["Yes", "No"]
    assert (asked.poll.is_anonymous, asked.poll.hides_votes) == (False, True)


def test_nothing_is_done_where_nobody_meets(meeting: Meeting) -> None:
    deeds: list[Callable[[], object]] = [
        lambda: room.kick(meeting=meeting, chosen=NOBODY, actor=SYSTEM),
        lambda: room.kick_all(meeting=meeting, actor=SYSTEM),
        lambda: room.mute(meeting=meeting, chosen=NOBODY, actor=SYSTEM),
        lambda: room.mute_all(meeting=meeting, allows_unmute=True, actor=SYSTEM),
    ]
    for deed in deeds:
        with pytest.raises(NotFoundError, match=f"No active session found for meeting_id {meeting.pk}"):
            deed()
