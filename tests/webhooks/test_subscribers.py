"""What people and encoders do, by the services that they do it with, and the events that follow: in order, no more."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from livehub.core import clock
from streams.ingest.services import admit_encoder
from streams.livestreams import leases, outputs, push_states, refusals, repeats, services, test_pictures
from streams.livestreams.health_notes import note_findings
from streams.livestreams.health_watch import DatedFault
from streams.livestreams.lifecycle import LivestreamDisabledError
from streams.livestreams.outputs import NewOutput
from streams.livestreams.states import EndReason
from streams.media.doctor.judgement import IngestFault
from streams.media.doctor.kinds import FindingKind, Severity
from streams.media.rtmp.standing import PushState, TargetStanding
from streams.meetings import room
from streams.meetings.broadcasts import start_meeting_livestream, stop_meeting_livestream
from streams.meetings.lifecycle import join_meeting, leave_meeting
from streams.meetings.room import Chosen
from streams.meetings.services.meetings import change_meeting, create_meeting
from streams.meetings.services.participants import delete_participant
from streams.models import App, Lease, Livestream, Meeting, Output, Session
from streams.organizations.services import SYSTEM, NewOrganization
from streams.recordings import lifecycle as recording_lifecycle
from streams.recordings.clips import lifecycle as clip_lifecycle
from streams.recordings.clips.services import clip_livestream, delete_clip
from streams.recordings.clips.wishes import Wish
from streams.recordings.locks import lock_clip, lock_recording
from streams.recordings.services import (
    NewRecording,
    delete_recording,
    pause_recording,
    resume_recording,
    start_recording,
    stop_recording,
)
from streams.recordings.states import RecordingStatus
from tests.conftest import Broker
from tests.meetings.people import added, session_of
from tests.runs import ENCODER, claimed, connected, failed, finished
from tests.webhooks.told import deliveries_to, events_of, listen_for, types_of
from webhooks import catalogue
from webhooks.models import Delivery, Endpoint, Event
from webhooks.notices import tell_endpoint_disabled
from webhooks.states import DisabledReason

_TOGGLE = "stream-status-toggle"


@pytest.fixture(autouse=True)
def _no_messages(broker: Broker) -> None:
    """Nothing goes to a broker."""


def _falls_ill(session: Session) -> None:
    """Have the run find that key frames come too seldom."""
    lease = Lease.objects.get(pk=session.pk)
    fault = IngestFault(FindingKind.KEYFRAME_INTERVAL, Severity.WARNING, 8.3)
    since = datetime(2026, 11, 23, 12, tzinfo=UTC)
    note_findings(lease if lease.until else claimed(session), [DatedFault(fault, since)])


@pytest.fixture
def app(home: NewOrganization) -> App:
    return home.app


@pytest.fixture
def meeting(app: App) -> Meeting:
    return create_meeting(app=app, values={"title": "Backend standup"}, actor=SYSTEM)


def changed_by(livestream: Livestream) -> list[tuple[list[str], bool]]:
    """Return what each update of it changed, and whether it goes out as a toggle."""
    updates = [event for event in events_of(livestream.pk) if event.type == "livestream.updated"]
    return [(event.facts["changed"], _TOGGLE in event.names) for event in updates]


def simulcast_comes_and_goes(session: Session, output: Output) -> None:
    """Have a platform take the broadcast at the second try, badly for a moment, and no more then."""
    lease = claimed(session)
    for standing in (
        TargetStanding(PushState.STARTING),
        TargetStanding(PushState.RETRYING, "refused", "The server refuses connections."),
        TargetStanding(PushState.BROADCASTING),
        TargetStanding(PushState.BROADCASTING, "too_slow", "Pictures are left out."),
        TargetStanding(PushState.RETRYING, "stalled", "The server takes nothing any more."),
    ):
        push_states.note_standings(session.pk, worker=lease.worker, told={output.pk: standing})


class TestLivestreams:
    def test_created_renamed_and_deleted(self, livestream: Livestream) -> None:
        services.rename_livestream(livestream=livestream, name="Spring keynote", actor=SYSTEM)
        services.delete_livestream(livestream=livestream, actor=SYSTEM)

        assert types_of(livestream.pk) == ["livestream.created", "livestream.updated", "livestream.deleted"]
        names = [event.facts["livestream"]["name"] for event in events_of(livestream.pk)]
        assert names == ["Autumn keynote", "Spring keynote", "Spring keynote"]

    def test_switched_off_and_on(self, livestream: Livestream) -> None:
        services.disable_livestream(livestream=livestream, actor=SYSTEM)
        services.disable_livestream(livestream=livestream, actor=SYSTEM)
        services.enable_livestream(livestream=livestream, actor=SYSTEM)

        assert changed_by(livestream) == [(["disabled"], True), (["disabled"], True)]
        flags = [event.facts["livestream"]["is_disabled"] for event in events_of(livestream.pk)]
        assert flags == [False, True, False]

    def test_several_things_changed_at_once_are_one_event(self, livestream: Livestream) -> None:
        services.change_livestream(
            livestream=livestream, actor=SYSTEM, name="New", disabled=True, reconnect_window_s=90, max_runtime_s=None
        )

        assert changed_by(livestream) == [(["name", "disabled", "reconnect_window_s"], True)]

    def test_nothing_changed_is_none(self, livestream: Livestream) -> None:
        services.change_livestream(livestream=livestream, actor=SYSTEM, name="Autumn keynote", disabled=False)
        services.end_broadcast(livestream=livestream, actor=SYSTEM)

        assert types_of(livestream.pk) == ["livestream.created"]

    def test_other_changes_are_no_toggle(self, livestream: Livestream) -> None:
        services.reset_stream_key(livestream=livestream, actor=SYSTEM)
        services.change_livestream(livestream=livestream, actor=SYSTEM, max_runtime_s=3600)
        services.activate_livestream(livestream=livestream, actor=SYSTEM)
        services.end_broadcast(livestream=livestream, actor=SYSTEM, hold=timedelta(seconds=30))
        services.stop_livestream(livestream=livestream, actor=SYSTEM)

        assert changed_by(livestream) == [
            (["stream_key"], False),
            (["max_runtime_s"], False),
            (["activated_at", "held_until"], False),
            (["activated_at", "held_until"], False),
            (["stopped_at"], False),
        ]

    def test_what_only_its_page_tells_is_none(self, livestream: Livestream) -> None:
        services.disable_livestream(livestream=livestream, actor=SYSTEM)
        with pytest.raises(LivestreamDisabledError):
            admit_encoder(name=livestream.stream_key, args={}, encoder=ENCODER)
        refusals.dismiss_refusals(livestream=livestream, actor=SYSTEM)
        services.enable_livestream(livestream=livestream, actor=SYSTEM)
        test_pictures.start_test_picture(livestream=livestream, actor=SYSTEM)
        test_pictures.stop_test_picture(livestream=livestream, actor=SYSTEM)
        services.show_stream_key(livestream=livestream, actor=SYSTEM)

        assert types_of(livestream.pk) == ["livestream.created", "livestream.updated", "livestream.updated"]


class TestBroadcasts:
    def test_that_went_well(self, livestream: Livestream) -> None:
        session = connected(livestream)
        leases.mark_live(claimed(session))
        finished(session)

        _, began, live, ended = events_of(livestream.pk)
        assert [each.type for each in (began, live, ended)] == [
            "livestream.connected",
            "livestream.live",
            "livestream.ended",
        ]
        session.refresh_from_db()
        created_at = clock.isoformat(session.created_at)
        assert session.started_at
        assert session.stopped_at
        assert [event.facts["session"] for event in (began, live, ended)] == [
            {
                "id": str(session.pk),
                "status": "connecting",
                "created_at": created_at,
                "started_at": None,
                "ended_at": None,
                "end_reason": "",
            },
            {
                "id": str(session.pk),
                "status": "live",
                "created_at": created_at,
                "started_at": clock.isoformat(session.started_at),
                "ended_at": None,
                "end_reason": "",
            },
            {
                "id": str(session.pk),
                "status": "ended",
                "created_at": created_at,
                "started_at": clock.isoformat(session.started_at),
                "ended_at": clock.isoformat(session.stopped_at),
                "end_reason": "encoder_stopped",
            },
        ]
        assert [event.facts["livestream"]["status"] for event in (began, live, ended)] == ["connecting", "live", "idle"]
        assert [event.facts["reason"] for event in (began, live, ended)] == [
            "Encoder connected",
            "Viewers can watch",
            "Encoder stopped",
        ]
        assert ended.names == ["livestream.ended", "livestreaming.statusUpdate", "stream-disconnected"]

    def test_a_run_that_is_taken_over_is_no_news(self, livestream: Livestream) -> None:
        session = connected(livestream)
        lease = claimed(session)
        leases.mark_live(lease)
        repeats.retry_session(lease, message="ffmpeg died")

        assert types_of(livestream.pk)[1:] == ["livestream.connected", "livestream.live"]

    def test_that_could_not_be_broadcast(self, livestream: Livestream) -> None:
        failed(connected(livestream), message="Send H.264, not VP9.")

        event = events_of(livestream.pk)[-1]
        assert (event.type, event.facts["reason"]) == ("livestream.errored", "Send H.264, not VP9.")
        assert event.facts["session"]["end_reason"] == "source_refused"
        assert event.facts["livestream"]["status"] == "errored"

    @pytest.mark.parametrize(
        ("deed", "types", "reason"),
        [
            (services.disable_livestream, ["livestream.updated", "livestream.ended"], "disabled"),
            (services.reset_stream_key, ["livestream.updated", "livestream.ended"], "key_reset"),
            (services.stop_livestream, ["livestream.updated", "livestream.ended"], "stopped"),
            (services.end_broadcast, ["livestream.ended"], "ended_by_operator"),
            (services.delete_livestream, ["livestream.ended", "livestream.deleted"], "deleted"),
        ],
        ids=lambda value: getattr(value, "__name__", None),
    )
    def test_that_somebody_ended(
        self, livestream: Livestream, deed: type[object], types: list[str], reason: str
    ) -> None:
        connected(livestream)

        deed(livestream=livestream, actor=SYSTEM)  # type: ignore[call-arg]  # One of the services.

        told = events_of(livestream.pk)[2:]
        assert [event.type for event in told] == types
        (ended,) = (event for event in told if event.type == "livestream.ended")
        assert ended.facts["session"]["end_reason"] == reason
        # What it is after the event, whatever the caller's row said.
        assert told[-1].facts["livestream"]["status"] == "idle"

    def test_an_encoder_that_takes_over_ends_the_one_before(self, livestream: Livestream) -> None:
        session = connected(livestream)
        session.connections.update(disconnected_at=clock.now())
        connected(livestream)

        assert types_of(livestream.pk)[1:] == ["livestream.connected", "livestream.ended", "livestream.connected"]


class TestSimulcasts:
    def test_are_told_without_their_key(self, livestream: Livestream) -> None:
        new = NewOutput(
            type="simulcast", name="Partner", uri="rtmp://a.example/live", stream_key="abcd-efgh", vendor="youtube"
        )
        output = outputs.create_output(livestream=livestream, new=new, actor=SYSTEM)
        outputs.change_output(livestream=livestream, output_id=output.pk, actor=SYSTEM, name="Other")
        outputs.delete_output(livestream=livestream, output_id=output.pk, actor=SYSTEM)

        added_, removed = events_of(livestream.pk)[1:]
        assert (added_.type, removed.type) == ("livestream.simulcast_added", "livestream.simulcast_removed")
        assert added_.facts["simulcast"] == {
            "id": str(output.pk),
            "name": "Partner",
            "vendor": "youtube",
            "url": "rtmp://a.example/live",
            "is_enabled": True,
        }
        assert removed.facts["simulcast"]["name"] == "Other"
        assert "abcd-efgh" not in str(list(Event.objects.values()))

    def test_tell_when_the_other_platform_takes_the_broadcast_and_when_it_does_no_more(
        self, livestream: Livestream
    ) -> None:
        new = NewOutput(type="simulcast", name="Partner", uri="rtmp://a.example/live", stream_key="abcd-efgh")
        output = outputs.create_output(livestream=livestream, new=new, actor=SYSTEM)

        simulcast_comes_and_goes(connected(livestream), output)

        connected_, disconnected = events_of(livestream.pk)[3:]
        assert connected_.type == "livestream.simulcast_connected"
        assert "stream-platform-connected" in connected_.names
        assert connected_.facts["simulcast"]["name"] == "Partner"
        assert disconnected.type == "livestream.simulcast_disconnected"
        assert disconnected.facts["reason"] == "The server takes nothing any more."

    def test_other_outputs_are_none(self, livestream: Livestream) -> None:
        archive = livestream.outputs.get(type="archive")
        outputs.delete_output(livestream=livestream, output_id=archive.pk, actor=SYSTEM)
        outputs.create_output(livestream=livestream, new=NewOutput(type="archive"), actor=SYSTEM)

        assert types_of(livestream.pk) == ["livestream.created"]


class TestHealth:
    def test_is_told_with_all_that_is_wrong(self, livestream: Livestream) -> None:
        session = connected(livestream)
        _falls_ill(session)

        told = events_of(livestream.pk)[-1]

        assert told.type == "livestream.health_changed"
        assert told.facts["health"] == {
            "session_id": str(session.pk),
            "status": "ok",
            "findings": [
                {
                    "kind": "keyframe_interval",
                    "severity": "warning",
                    "value": 8.3,
                    "unit": "s",
                    "message": "Key frames come only every 8.3 s, so viewers wait longer for the picture.",
                    "since": "2026-11-23T12:00:00.000Z",
                }
            ],
        }


class TestMeetings:
    def test_a_session_from_the_first_to_the_last(self, app: App, meeting: Meeting) -> None:
        endpoint = listen_for(app, "meeting.started", "meeting.ended", "meeting.participantLeft")
        mary, bob = added(meeting, "mary", name="Mary Sue"), added(meeting, "bob")
        first = join_meeting(participant=mary)
        join_meeting(participant=bob)
        leave_meeting(peer=first)
        session = session_of(meeting)
        room.kick_all(meeting=meeting, actor=SYSTEM)
        change_meeting(meeting=meeting, changes={"title": "Other"}, actor=SYSTEM)

        session.refresh_from_db()
        told = events_of(meeting.pk)
        assert [event.type for event in told] == [
            "meeting.started",
            "meeting.participantJoined",
            "meeting.participantJoined",
            "meeting.participantLeft",
            "meeting.participantLeft",
            "meeting.ended",
        ]
        assert {event.subject_type for event in told} == {"meeting"}
        assert [name for _, name in deliveries_to(endpoint)] == [
            "meeting.started",
            "meeting.participantLeft",
            "meeting.participantLeft",
            "meeting.ended",
        ]
        left, ended = told[3], told[-1]
        first.refresh_from_db()
        assert first.left_at
        assert left.facts["participant"] == {
            "id": str(mary.pk),
            "peer_id": str(first.pk),
            "custom_participant_id": "mary",
            "name": "Mary Sue",
            "joined_at": clock.isoformat(first.joined_at),
            "left_at": clock.isoformat(first.left_at),
        }
        assert session.ended_at
        began_at = clock.isoformat(session.created_at)
        assert ended.facts["session"] == {
            "id": str(session.pk),
            "status": "ended",
            "created_at": began_at,
            "started_at": began_at,
            "ended_at": clock.isoformat(session.ended_at),
            "end_reason": "host_ended",
        }
        assert told[0].facts["session"]["ended_at"] is None
        assert told[1].facts["participant"]["left_at"] is None
        assert ended.facts["meeting"] == {
            "id": str(meeting.pk),
            "title": "Backend standup",
            "created_at": clock.isoformat(meeting.created_at),
        }
        assert ended.facts["organization"] == {"id": str(app.organization_id), "name": "Northwind Events"}

    def test_all_who_leave_at_once_are_written_down_by_one_statement(self, app: App, meeting: Meeting) -> None:
        endpoint = listen_for(app, "meeting.participantLeft")
        people = [added(meeting, f"p{number}") for number in range(4)]
        for participant in people:
            join_meeting(participant=participant)

        with CaptureQueriesContext(connection) as captured:
            room.kick_all(meeting=meeting, actor=SYSTEM)

        # And one of the meeting's end.
        assert len([query for query in captured if "webhooks_" in query["sql"]]) == 2
        left = [event for event in events_of(meeting.pk) if event.type == "meeting.participantLeft"]
        assert [event.sequence for event in left] == [6, 7, 8, 9]
        assert [event.pk for event in left] == sorted(event.pk for event in left)
        went = [event.facts["participant"]["custom_participant_id"] for event in left]
        assert went == ["p0", "p1", "p2", "p3"]
        told = Delivery.objects.filter(endpoint=endpoint).order_by("event_id")
        assert [(delivery.event_id, delivery.sequence) for delivery in told] == [
            (event.pk, event.sequence) for event in left
        ]

    def test_who_is_deleted_or_removed_has_left(self, meeting: Meeting) -> None:
        mary, bob = added(meeting, "mary"), added(meeting, "bob")
        join_meeting(participant=mary)
        join_meeting(participant=bob)
        delete_participant(participant=mary, actor=SYSTEM)
        chosen = Chosen(participant_ids=[bob.pk], custom_participant_ids=[])
        room.kick(meeting=meeting, chosen=chosen, actor=SYSTEM)

        left = [event for event in events_of(meeting.pk) if event.type == "meeting.participantLeft"]
        assert [event.facts["participant"]["custom_participant_id"] for event in left] == ["mary", "bob"]

    def test_its_livestream_says_whose_it_is(self, meeting: Meeting) -> None:
        livestream, _ = start_meeting_livestream(meeting=meeting, name="On air", actor=SYSTEM)
        connected(livestream)
        stop_meeting_livestream(meeting=meeting, actor=SYSTEM)

        told = events_of(livestream.pk)
        assert [event.type for event in told] == [
            "livestream.created",
            "livestream.connected",
            "livestream.updated",
            "livestream.ended",
        ]
        created_at = clock.isoformat(meeting.created_at)
        for event in told:
            assert event.facts["meeting"] == {
                "id": str(meeting.pk),
                "title": "Backend standup",
                "created_at": created_at,
            }
        assert types_of(meeting.pk) == []


class TestEndpoints:
    def test_one_that_was_disabled_is_told_to_the_others(self, app: App) -> None:
        broken, other = listen_for(app, "endpoint.disabled"), listen_for(app, "endpoint.disabled")
        broken.enabled, broken.disabled_reason = False, DisabledReason.GONE
        broken.save()

        tell_endpoint_disabled(Endpoint.objects.select_related("app__organization").get(pk=broken.pk))

        (event,) = events_of(broken.pk)
        assert (event.type, event.subject_type) == ("endpoint.disabled", "endpoint")
        assert event.facts == {
            "organization": {"id": str(app.organization_id), "name": "Northwind Events"},
            "endpoint": {"id": str(broken.pk), "name": "Backend"},
            "reason": "The endpoint answered 410 Gone",
        }
        assert deliveries_to(broken) == []
        assert deliveries_to(other) == [("endpoint.disabled", "endpoint.disabled")]


def test_a_drop_that_is_mended_is_none_to_the_vendors(livestream: Livestream) -> None:
    services.change_livestream(livestream=livestream, reconnect_window_s=60, actor=SYSTEM)
    lease = claimed(connected(livestream))
    leases.mark_live(lease)
    leases.mark_away(lease, reason=EndReason.ENCODER_STOPPED)
    connected(livestream)
    leases.mark_back(lease)

    went_live, dropped, back = events_of(livestream.pk)[-3:]
    assert went_live.names == ["livestream.live", "livestreaming.statusUpdate"]
    assert (dropped.names, dropped.facts["session"]["status"]) == (["livestream.reconnecting"], "reconnecting")
    assert (back.names, back.facts["reason"]) == (["livestream.live"], "The encoder is back after 0 seconds")


def test_a_slate_before_the_encoder_is_none_to_the_vendors(livestream: Livestream) -> None:
    services.change_livestream(livestream=livestream, reconnect_window_s=60, actor=SYSTEM)
    services.activate_livestream(livestream=livestream, actor=SYSTEM)
    lease = claimed(Session.objects.get())
    leases.mark_live(lease, has_encoder=False)
    (standby,) = events_of(livestream.pk)[-1:]
    assert (standby.type, standby.names) == ("livestream.standby", ["livestream.standby"])
    assert standby.facts["session"]["started_at"] is None

    connected(livestream)
    leases.mark_back(lease)
    came, went_live = events_of(livestream.pk)[-2:]
    assert (came.type, came.names) == ("livestream.connected", ["livestream.connected", "stream-connected"])
    assert (went_live.type, went_live.names) == ("livestream.live", ["livestream.live", "livestreaming.statusUpdate"])


def test_a_wait_for_an_encoder_that_never_came_ends_nothing_for_the_vendors(livestream: Livestream) -> None:
    services.change_livestream(livestream=livestream, reconnect_window_s=60, actor=SYSTEM)
    services.activate_livestream(livestream=livestream, actor=SYSTEM)

    services.end_broadcast(livestream=livestream, actor=SYSTEM)

    assert [(event.type, event.names) for event in events_of(livestream.pk)][-2:] == [
        ("livestream.standby", ["livestream.standby"]),
        ("livestream.ended", ["livestream.ended"]),
    ]


def _record(livestream: Livestream) -> None:
    """Take a recording through its life, and have another one fail."""
    new = NewRecording(may_wait=True)
    stored = start_recording(livestream=livestream, new=new, actor=SYSTEM)
    for step in (pause_recording, resume_recording, stop_recording):
        step(recording_id=stored.pk, actor=SYSTEM)
    with transaction.atomic():
        recording_lifecycle.change_status(lock_recording(stored.pk), new=RecordingStatus.UPLOADED)
    delete_recording(recording_id=stored.pk, actor=SYSTEM)
    failing = start_recording(livestream=livestream, new=new, actor=SYSTEM)
    stop_recording(recording_id=failing.pk, actor=SYSTEM)
    with transaction.atomic():
        recording_lifecycle.fail(lock_recording(failing.pk), problem="Nothing was broadcast.")


def _clip(session: Session) -> None:
    """Take a clip through its life, and have another one fail; the broadcast's files are another node's."""
    session.file_nodes = ["elsewhere"]
    now_ms = clock.epoch_ms(clock.now())
    wish = Wish(from_ms=now_ms - 2000, until_ms=now_ms - 1000, session=session)
    ready, failing = (
        clip_livestream(livestream=session.livestream, wish=wish, title="", actor=SYSTEM) for _ in range(2)
    )
    with transaction.atomic():
        clip_lifecycle.become_ready(lock_clip(ready.pk))
        clip_lifecycle.fail(lock_clip(failing.pk), problem="Nothing of it can be shown.")
    delete_clip(clip_id=ready.pk, actor=SYSTEM)


def test_all_that_the_catalogue_calls_emitted_is_told(app: App, livestream: Livestream, meeting: Meeting) -> None:
    """By the services that the tests above call: whatever is not, is marked so."""
    services.change_livestream(livestream=livestream, reconnect_window_s=60, actor=SYSTEM)
    lease = claimed(connected(livestream))
    leases.mark_live(lease)
    leases.mark_away(lease, reason=EndReason.ENCODER_STOPPED)
    services.disable_livestream(livestream=livestream, actor=SYSTEM)
    services.enable_livestream(livestream=livestream, actor=SYSTEM)
    services.activate_livestream(livestream=livestream, actor=SYSTEM)
    services.end_broadcast(livestream=livestream, actor=SYSTEM)
    failed(connected(livestream), message="No video.")
    new = NewOutput(type="simulcast", uri="rtmp://a.example/live")
    output = outputs.create_output(livestream=livestream, new=new, actor=SYSTEM)
    session = connected(livestream)
    simulcast_comes_and_goes(session, output)
    _falls_ill(session)
    _clip(session)
    finished(session)
    outputs.delete_output(livestream=livestream, output_id=output.pk, actor=SYSTEM)
    _record(livestream)
    services.delete_livestream(livestream=livestream, actor=SYSTEM)
    join_meeting(participant=added(meeting, "mary"))
    room.kick_all(meeting=meeting, actor=SYSTEM)
    endpoint = listen_for(app, "livestream.live")
    tell_endpoint_disabled(endpoint)

    told = {name for event in Event.objects.all() for name in event.names}
    assert told == {event_name.name for event_name in catalogue.EVENT_NAMES.values() if event_name.is_emitted}
