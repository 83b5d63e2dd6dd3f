"""Making meetings and changing their settings.

Each change locks its meeting and reads it again first, so that of two at once none gets lost.
"""

from collections.abc import Mapping
from typing import TypedDict, cast

from django.db import transaction

from livehub.core import clock, events
from livehub.core.names import check_name
from streams.meetings import storage
from streams.meetings.events import MeetingChanged, MeetingCreated, MeetingEvent
from streams.meetings.locks import lock_meeting
from streams.meetings.merging import merge
from streams.meetings.models import Meeting
from streams.meetings.models.meeting import DEFAULT_KEEP_ALIVE_S
from streams.organizations.models import App
from streams.organizations.services import Actor, record


class MeetingValues(TypedDict, total=False):
    """Settings of a meeting, checked; None for the default. The status is not among those that are replaced."""

    title: str | None
    status: str
    preferred_region: str | None
    waiting_room: bool | None
    record_on_start: bool | None
    live_stream_on_start: bool | None
    persist_chat: bool | None
    summarize_on_end: bool | None
    transcribe_on_end: bool | None
    session_keep_alive_s: int | None
    # May hold a `storage_config` with secrets.
    recording_config: Mapping[str, object] | None
    ai_config: Mapping[str, object] | None


_DEFAULTS: Mapping[str, object] = {
    "title": "",
    "preferred_region": "",
    "waiting_room": False,
    "record_on_start": False,
    "live_stream_on_start": False,
    "persist_chat": False,
    "summarize_on_end": False,
    "transcribe_on_end": False,
    "session_keep_alive_s": DEFAULT_KEEP_ALIVE_S,
    "recording_config": {},
    "ai_config": {},
}


@transaction.atomic
def create_meeting(*, app: App, values: MeetingValues, actor: Actor) -> Meeting:
    """Create a meeting that can be joined.

    :raises ValidationFailedError: when the title cannot be used.
    """
    meeting = Meeting(app=app)
    _set(meeting, values)
    meeting.save(force_insert=True)
    _tell(meeting, MeetingCreated, action="meeting.created", actor=actor, title=meeting.title)
    return meeting


@transaction.atomic
def change_meeting(*, meeting: Meeting, changes: MeetingValues, actor: Actor) -> Meeting:
    """Change some settings, those within others as well, and return the meeting.

    :raises NotFoundError: when it is gone.
    :raises ValidationFailedError: when the title cannot be used.
    """
    meeting = lock_meeting(meeting.pk)
    _set(meeting, changes, is_merged=True)
    meeting.save()
    _tell(meeting, MeetingChanged, action="meeting.changed", actor=actor, settings=sorted(changes))
    return meeting


@transaction.atomic
def replace_meeting(*, meeting: Meeting, values: MeetingValues, actor: Actor) -> Meeting:
    """Give every setting the value that is given, or its default, and return the meeting.

    :raises NotFoundError: when it is gone.
    :raises ValidationFailedError: when the title cannot be used.
    """
    meeting = lock_meeting(meeting.pk)
    _set(meeting, cast(MeetingValues, {**dict.fromkeys(_DEFAULTS), **values}))
    meeting.save()
    _tell(meeting, MeetingChanged, action="meeting.replaced", actor=actor, settings=sorted(values))
    return meeting


def _set(meeting: Meeting, values: MeetingValues, *, is_merged: bool = False) -> None:
    for name, value in cast(Mapping[str, object], values).items():
        if name == "recording_config":
            _set_recording(meeting, cast("Mapping[str, object] | None", value), is_merged=is_merged)
        elif name == "ai_config":
            config = cast("Mapping[str, object] | None", value)
            meeting.ai_config = merge(meeting.ai_config if is_merged and config is not None else {}, config or {})
        else:
            setattr(meeting, name, _DEFAULTS[name] if value is None else value)
    meeting.title = check_name(meeting.title, field="title")


def _set_recording(meeting: Meeting, config: Mapping[str, object] | None, *, is_merged: bool) -> None:
    is_kept = is_merged and config is not None
    config = dict(config or {})
    if not is_kept or "storage_config" in config:
        meeting.storage_secrets_encrypted = ""
    if config.get("storage_config") is not None:
        given = cast(Mapping[str, object], config["storage_config"])
        config["storage_config"], meeting.storage_secrets_encrypted = storage.split(given)
    meeting.recording_config = merge(meeting.recording_config if is_kept else {}, config)


def _tell(meeting: Meeting, event: type[MeetingEvent], *, action: str, actor: Actor, **detail: object) -> None:
    """Write the change into the audit log, and publish its event."""
    record(organization=meeting.app.organization, actor=actor, action=action, target=meeting, **detail)
    events.publish(event.of(meeting, at=clock.now(), actor=actor))
