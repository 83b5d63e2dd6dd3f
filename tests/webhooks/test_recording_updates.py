"""What the vendors' receivers are told of a meeting's recording, from its beginning until its files are there."""

import json
from typing import Any

import pytest
from pytest_django import Settings

from streams.meetings.broadcasts import start_meeting_livestream
from streams.meetings.recordings import start_meeting_recording
from streams.models import Meeting, Recording, Rendering
from streams.organizations.services import SYSTEM
from streams.recordings import lifecycle, rendering
from streams.recordings.locks import lock_recording
from streams.recordings.services import pause_recording, resume_recording, stop_recording
from streams.recordings.states import RecordingStatus
from tests.meetings.conftest import meeting
from tests.recordings.broadcast import went_live
from tests.runs import connected
from webhooks.models import Event
from webhooks.payloads import Message, body_of

__all__ = ["meeting"]

# Source: Dyte v2, recording.statusUpdate.
MEMBERS = [
    *("id", "recordingId", "meetingId", "organizationId", "status", "startedTime", "stoppedTime", "roomUUID"),
    *("outputFileName", "fileSize", "downloadUrl", "audioDownloadUrl", "downloadUrlExpiry", "recordingDuration"),
    "stopReason",
]


@pytest.fixture
def recording(meeting: Meeting, settings: Settings) -> Recording:
    """A recording that has just been asked for, with a file of its sound."""
    settings.RECORD_AUTOMATICALLY = False
    livestream, _ = start_meeting_livestream(meeting=meeting, name="", actor=SYSTEM)
    went_live(connected(livestream))
    config = {"audio_config": {"codec": "MP3"}}
    return start_meeting_recording(meeting=meeting, config=config, allows_multiple=False, actor=SYSTEM)


def _told() -> list[dict[str, Any]]:
    """Return the recordings of all that went out, in order; each with every member that the contract has."""
    events = Event.objects.filter(names__contains=["recording.statusUpdate"]).order_by("id")
    messages = [Message.of(event, name="recording.statusUpdate", format="dyte") for event in events]
    bodies = [json.loads(body_of(message)) for message in messages]
    assert [[*body] for body in bodies] == [["event", "recording", "meeting"]] * len(bodies)
    assert [[*body["recording"]] for body in bodies] == [MEMBERS] * len(bodies)
    return [body["recording"] for body in bodies]


def test_tell_each_step_with_its_files(recording: Recording, meeting: Meeting) -> None:
    lifecycle.change_status(lock_recording(recording.pk), new=RecordingStatus.RECORDING)
    pause_recording(recording_id=recording.pk, actor=SYSTEM)
    resume_recording(recording_id=recording.pk, actor=SYSTEM)
    stop_recording(recording_id=recording.pk, actor=SYSTEM)
    Recording.objects.update(size=7, duration_us=2_500_000)
    for kind in ("video", "audio"):
        Rendering.objects.create(
            recording=recording, kind=kind, object_name=kind, file_name=kind, status="stored", size=9
        )
    rendering.show(recording_id=recording.pk)

    told = _told()

    steps = ["INVOKED", "RECORDING", "PAUSED", "RECORDING", "UPLOADING", "UPLOADED"]
    assert [each["status"] for each in told] == steps
    assert {each["meetingId"] for each in told} == {str(meeting.pk)}
    assert {each["recordingId"] for each in told} == {str(recording.pk)}
    assert [each["stopReason"] for each in told[3:]] == [None, "API_CALL", "API_CALL"]
    assert [each["downloadUrl"] for each in told[:-1]] == [None] * 5
    stored = told[-1]
    assert (stored["fileSize"], stored["recordingDuration"]) == (9, 2)
    assert f"/recordings/{recording.pk}/file?" in stored["downloadUrl"]
    assert stored["audioDownloadUrl"].endswith("&as=audio")
    assert stored["downloadUrlExpiry"]


def test_tell_of_what_cannot_be_made_with_what_was_broadcast(recording: Recording) -> None:
    stop_recording(recording_id=recording.pk, actor=SYSTEM)
    Recording.objects.update(size=7, duration_us=2_500_000)
    Rendering.objects.create(recording=recording, kind="video", object_name="v", file_name="v", status="failed")
    rendering.show(recording_id=recording.pk)

    failed = _told()[-1]

    assert (failed["status"], failed["fileSize"], failed["audioDownloadUrl"]) == ("ERRORED", 7, None)
    assert failed["outputFileName"].endswith(".original.mp4")
    assert failed["downloadUrl"]


def test_tell_no_links_where_the_bucket_is_off(recording: Recording) -> None:
    stop_recording(recording_id=recording.pk, actor=SYSTEM)
    Recording.objects.update(size=7, has_links=False)
    Rendering.objects.create(recording=recording, kind="video", object_name="v", file_name="v", status="stored", size=9)
    rendering.show(recording_id=recording.pk)

    stored = _told()[-1]

    assert (stored["status"], stored["fileSize"], stored["downloadUrl"], stored["downloadUrlExpiry"]) == (
        *("UPLOADED", 9),
        *(None, None),
    )
