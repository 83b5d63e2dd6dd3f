"""What is written of simulcasts: who may write it, what is told of it, and what is left when a broadcast ends."""

from collections.abc import Iterator

import pytest

from livehub.core import events
from streams.livestreams import leases, outputs, push_states
from streams.livestreams.events import SimulcastStateChanged
from streams.livestreams.outputs import NewOutput, NothingToRetryError
from streams.livestreams.states import EndReason
from streams.media.rtmp.standing import PushState, TargetStanding
from streams.models import AuditEntry, Livestream, Output, PushEvent, Session
from streams.organizations.services import SYSTEM
from tests.runs import claimed, connected, ended

pytestmark = pytest.mark.django_db

_URI = "rtmp://a.rtmp.example/live2"
_LIVE = TargetStanding(PushState.BROADCASTING, bytes=5_000, rate=400, tries=1)
_REFUSED = TargetStanding(PushState.RETRYING, "refused", "The server refuses connections.", tries=2)


@pytest.fixture
def heard() -> Iterator[list[SimulcastStateChanged]]:
    found: list[SimulcastStateChanged] = []
    events.subscribe(SimulcastStateChanged, found.append)
    yield found
    events._subscribers[SimulcastStateChanged].remove(found.append)  # type: ignore[arg-type]  # Kept apart by the key.


@pytest.fixture
def output(livestream: Livestream) -> Output:
    new = NewOutput(type="simulcast", name="Partner", uri=_URI, stream_key="abcd")
    return outputs.create_output(livestream=livestream, new=new, actor=SYSTEM)


@pytest.fixture
def session(livestream: Livestream) -> Session:
    session = connected(livestream)
    leases.mark_live(claimed(session))
    return session


def _told(session: Session, output: Output, standing: TargetStanding, *, worker: str = "first") -> None:
    push_states.note_standings(session.pk, worker=worker, told={output.pk: standing})
    output.refresh_from_db()


class TestNoteStandings:
    def test_shows_the_state_with_its_reason_and_what_was_taken(self, session: Session, output: Output) -> None:
        _told(session, output, _REFUSED)

        assert (output.push_state, output.push_reason) == ("retrying", "refused")
        assert output.push_message == "The server refuses connections."
        assert output.push_since is not None
        assert (output.shown.value, output.push_tries) == ("retrying", 2)
        _told(session, output, _LIVE)
        assert (output.push_state, output.push_reason, output.push_message) == ("broadcasting", "", "")
        assert (output.push_bytes, output.push_rate, output.push_tries) == (5_000, 400, 1)
        assert output.shown.is_playable

    def test_tells_of_each_state_once_and_keeps_a_history(
        self, session: Session, output: Output, heard: list[SimulcastStateChanged]
    ) -> None:
        for standing in (_REFUSED, _REFUSED, _LIVE):
            _told(session, output, standing)

        assert [(event.old, event.new, event.cause) for event in heard] == [
            ("idle", "retrying", "refused"),
            ("retrying", "broadcasting", ""),
        ]
        newest, oldest = PushEvent.objects.filter(output=output)
        assert (newest.state, newest.session_id, newest.bytes) == ("broadcasting", session.pk, 5_000)
        assert (oldest.state, oldest.message) == ("retrying", "The server refuses connections.")

    def test_a_worker_that_lost_the_session_writes_nothing(self, session: Session, output: Output) -> None:
        _told(session, output, _LIVE, worker="another")

        assert output.push_state == "idle"

    def test_one_that_is_off_stays_off(self, session: Session, output: Output, livestream: Livestream) -> None:
        _told(session, output, _LIVE)
        outputs.change_output(livestream=livestream, output_id=output.pk, actor=SYSTEM, enabled=False)

        _told(session, output, _LIVE)

        assert (output.push_state, output.push_rate, output.shown.value) == ("disabled", 0, "off")

    def test_one_that_takes_it_badly_is_shown_so(self, session: Session, output: Output) -> None:
        _told(session, output, TargetStanding(PushState.BROADCASTING, "too_slow", "Too slow."))

        assert (output.shown.is_playable, output.shown.tone) == (True, "warn")

    def test_a_long_history_loses_its_beginning(self, session: Session, output: Output) -> None:
        for _ in range(101):
            _told(session, output, _REFUSED)
            _told(session, output, _LIVE)

        assert output.push_events.count() == 200
        assert output.push_events.last() != output.push_events.first()


class TestEnd:
    def test_nothing_goes_anywhere_after_it_whoever_ran_it(
        self, session: Session, output: Output, heard: list[SimulcastStateChanged]
    ) -> None:
        _told(session, output, _LIVE)

        ended(session, reason=EndReason.ENCODER_LOST)

        output.refresh_from_db()
        assert (output.push_state, output.push_rate, output.push_bytes) == ("idle", 0, 5_000)
        assert (heard[-1].old, heard[-1].new) == ("broadcasting", "idle")
        _told(session, output, _LIVE)
        assert output.push_state == "idle"

    def test_those_that_are_off_stay_off(self, session: Session, output: Output, livestream: Livestream) -> None:
        outputs.change_output(livestream=livestream, output_id=output.pk, actor=SYSTEM, enabled=False)

        ended(session)

        output.refresh_from_db()
        assert output.push_state == "disabled"


class TestSwitch:
    def test_is_part_of_the_history(self, output: Output, livestream: Livestream) -> None:
        for enabled in (False, False, True):
            outputs.change_output(livestream=livestream, output_id=output.pk, actor=SYSTEM, enabled=enabled)

        assert [event.state for event in output.push_events.all()] == ["idle", "disabled"]

    def test_a_change_of_something_else_keeps_the_state(
        self, session: Session, output: Output, livestream: Livestream
    ) -> None:
        _told(session, output, _LIVE)

        outputs.change_output(livestream=livestream, output_id=output.pk, actor=SYSTEM, name="Other")

        output.refresh_from_db()
        assert (output.push_state, output.push_bytes, output.name) == ("broadcasting", 5_000, "Other")

    def test_one_that_is_made_off_is_off(self, livestream: Livestream) -> None:
        new = NewOutput(type="simulcast", uri=_URI, enabled=False)

        assert outputs.create_output(livestream=livestream, new=new, actor=SYSTEM).push_state == "disabled"


class TestRetry:
    def test_is_asked_for_and_written_into_the_audit_log(
        self, session: Session, output: Output, livestream: Livestream
    ) -> None:
        _told(session, output, _REFUSED)

        asked = outputs.retry_output(livestream=livestream, output_id=output.pk, actor=SYSTEM)

        assert asked.retry_asked_at is not None
        assert AuditEntry.objects.filter(action="output.retried").exists()

    def test_needs_something_that_waits(self, output: Output, livestream: Livestream) -> None:
        with pytest.raises(NothingToRetryError):
            outputs.retry_output(livestream=livestream, output_id=output.pk, actor=SYSTEM)


def test_figures_are_written_without_a_history(session: Session, output: Output) -> None:
    _told(session, output, _LIVE)

    push_states.note_figures({output.pk: TargetStanding(PushState.BROADCASTING, bytes=9_000, rate=500, tries=1)})

    output.refresh_from_db()
    assert (output.push_bytes, output.push_rate, output.push_events.count()) == (9_000, 500, 1)
