"""Telling open pages of meetings that something changed: who is there, who may come, and the meeting's livestream."""

from uuid import UUID

from livehub.core import events
from streams.livestreams import live_updates
from streams.livestreams.events import LivestreamEvent
from streams.meetings.events import (
    MeetingChanged,
    MeetingCreated,
    MeetingEnded,
    MeetingEvent,
    MeetingStarted,
    ParticipantAdded,
    ParticipantChanged,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantRemoved,
)

_SHOWN = (
    MeetingChanged,
    MeetingCreated,
    MeetingEnded,
    MeetingStarted,
    ParticipantAdded,
    ParticipantChanged,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantRemoved,
)


def meeting_group(meeting_id: UUID) -> str:
    return f"meeting.{meeting_id.hex}"


def meeting_list_group(organization_id: UUID) -> str:
    return f"meetings.{organization_id.hex}"


def subscribe() -> None:
    """Listen to everything that a meeting's page shows (from `AppConfig.ready`)."""
    for event_type in _SHOWN:
        events.subscribe(event_type, announce)
    for livestream_event_type in live_updates.SHOWN:
        events.subscribe(livestream_event_type, announce_livestream)


def announce(event: MeetingEvent) -> None:
    """Tell the meeting's pages, and the lists of its organization, when the current transaction commits."""
    live_updates.tell_pages(meeting_group(event.meeting_id), meeting_list_group(event.organization_id))


def announce_livestream(event: LivestreamEvent) -> None:
    """Tell the same pages of what happens to a meeting's livestream; of other livestreams they show nothing."""
    if event.meeting_id is not None:
        live_updates.tell_pages(meeting_group(event.meeting_id), meeting_list_group(event.organization_id))
