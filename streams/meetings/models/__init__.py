"""Meetings, who may take part in them and how, and what happened there."""

from streams.meetings.models.meeting import Meeting, MeetingCount, MeetingQuerySet
from streams.meetings.models.participant import Participant, ParticipantQuerySet
from streams.meetings.models.preset import Preset, PresetQuerySet
from streams.meetings.models.session import (
    MeetingSession,
    MeetingSessionQuerySet,
    Peer,
    Poll,
    SessionParticipant,
    SessionParticipantQuerySet,
)

__all__ = [
    "Meeting",
    "MeetingCount",
    "MeetingQuerySet",
    "MeetingSession",
    "MeetingSessionQuerySet",
    "Participant",
    "ParticipantQuerySet",
    "Peer",
    "Poll",
    "Preset",
    "PresetQuerySet",
    "SessionParticipant",
    "SessionParticipantQuerySet",
]
