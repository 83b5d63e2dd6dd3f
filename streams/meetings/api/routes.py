"""Where the operations of meetings live below a dialect's prefix: the same for each that has them."""

from typing import Any

from django.urls import URLPattern, path

from livehub.api.dialect import Dialect
from streams.meetings.api.serializers import MeetingShapes
from streams.meetings.api.views import broadcasts, meetings, participants, presets, recordings, room, sessions
from streams.meetings.api.views.base import MeetingApi

_MEETING = "meetings/<str:meeting_id>"
_PARTICIPANT = f"{_MEETING}/participants/<str:participant_id>"
# "session_id" is that of a livestream's session.
_SESSION = "sessions/<str:meeting_session_id>"

_VIEWS: dict[str, type[MeetingApi]] = {
    "meetings": meetings.MeetingsView,
    _MEETING: meetings.MeetingView,
    f"{_MEETING}/participants": participants.ParticipantsView,
    _PARTICIPANT: participants.ParticipantView,
    f"{_PARTICIPANT}/token": participants.ParticipantTokenView,
    f"{_MEETING}/livestreams": broadcasts.StartLivestreamView,
    f"{_MEETING}/livestream": broadcasts.MeetingLivestreamsView,
    f"{_MEETING}/active-livestream": broadcasts.ActiveLivestreamView,
    f"{_MEETING}/active-livestream/stop": broadcasts.StopLivestreamView,
    f"{_MEETING}/active-session": room.MeetingActiveSessionView,
    f"{_MEETING}/active-session/kick": room.KickView,
    f"{_MEETING}/active-session/kick-all": room.KickAllView,
    f"{_MEETING}/active-session/mute": room.MuteView,
    f"{_MEETING}/active-session/mute-all": room.MuteAllView,
    f"{_MEETING}/active-session/poll": room.PollView,
    "presets": presets.PresetsView,
    "presets/<str:preset_id>": presets.PresetView,
    "recordings": recordings.MeetingRecordingsView,
    # Before those of one recording: "active-recording" is no id.
    "recordings/active-recording/<str:meeting_id>": recordings.ActiveRecordingView,
    "recordings/<str:recording_id>": recordings.MeetingRecordingView,
    "sessions": sessions.MeetingSessionsView,
    # Before those of one session: "peer-report" is no id.
    "sessions/peer-report/<str:peer_id>": sessions.PeerReportView,
    _SESSION: sessions.MeetingSessionView,
    f"{_SESSION}/participants": sessions.SessionParticipantsView,
    f"{_SESSION}/participants/<str:participant_id>": sessions.SessionParticipantView,
    f"{_SESSION}/livestream-sessions": sessions.SessionBroadcastsView,
}


def routes(dialect: Dialect, shapes: MeetingShapes) -> list[URLPattern]:
    """Return what both vendors have; Dyte's own few are of use to the other's clients, too."""
    given: dict[str, Any] = {"dialect": dialect, "shapes": shapes}
    return [path(route, view.as_view(**given)) for route, view in _VIEWS.items()]
