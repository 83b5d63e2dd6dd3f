"""Every read of meetings, of who may join them, and of what happened there."""

from streams.meetings.selectors.meetings import (
    MeetingFilter,
    find_active_livestream,
    get_active_livestream,
    get_meeting,
    list_livestreams_of,
    list_meetings,
    list_newest_sessions,
)
from streams.meetings.selectors.participants import (
    get_participant,
    get_participant_by_token,
    get_preset,
    list_participants,
    list_presets,
)
from streams.meetings.selectors.sessions import (
    SessionFilter,
    SessionOrder,
    get_active_session,
    get_meeting_session,
    get_peer,
    get_session_participant,
    list_livestream_sessions,
    list_meeting_sessions,
    list_session_participants,
)

__all__ = [
    "MeetingFilter",
    "SessionFilter",
    "SessionOrder",
    "find_active_livestream",
    "get_active_livestream",
    "get_active_session",
    "get_meeting",
    "get_meeting_session",
    "get_participant",
    "get_participant_by_token",
    "get_peer",
    "get_preset",
    "get_session_participant",
    "list_livestream_sessions",
    "list_livestreams_of",
    "list_meeting_sessions",
    "list_meetings",
    "list_newest_sessions",
    "list_participants",
    "list_presets",
    "list_session_participants",
]
