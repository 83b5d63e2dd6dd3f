"""Recordings of meetings: of what their livestream broadcasts, until they have media of their own."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from livehub.core.errors import DomainError
from streams.livestreams.models import Livestream
from streams.meetings.models import Meeting
from streams.meetings.selectors import find_active_livestream
from streams.organizations.services import Actor
from streams.recordings.configuring import LONGEST_S, check_config, new_recording_of, with_secrets
from streams.recordings.models import Recording
from streams.recordings.services import start_recording


class NoMeetingLivestreamError(DomainError):
    """The meeting has no livestream that could be recorded."""

    code = "nothing_to_record"
    http_status = 400


@transaction.atomic
def start_meeting_recording(
    *, meeting: Meeting, config: Mapping[str, Any], allows_multiple: bool, actor: Actor
) -> Recording:
    """Record the meeting's livestream: from now on, or from when it is live.

    What the call says comes before what the meeting says.

    :raises NoMeetingLivestreamError: when the meeting has none.
    :raises ValidationFailedError: when it asks for what cannot be done; names all that cannot.
    :raises RecordingActiveError: when it is recorded already, and no further recording is wanted.
    """
    said = {name: value for name, value in config.items() if value is not None}
    own = with_secrets(meeting.recording_config, encrypted=meeting.storage_secrets_encrypted)
    whole = {**own, **said}
    check_config(whole, app=meeting.app)
    livestream: Livestream | None = find_active_livestream(meeting)
    if livestream is None:
        raise NoMeetingLivestreamError(
            f"Meeting {meeting.pk} has no livestream, which is what is recorded. Start its livestream, then record it."
        )
    new = new_recording_of(whole, app=meeting.app, longest_s=LONGEST_S, allows_multiple=allows_multiple, may_wait=True)
    return start_recording(livestream=livestream, new=new, actor=actor)
