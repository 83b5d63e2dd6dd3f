"""The life of a meeting's sessions, and why they and the stays in them end."""

from collections.abc import Mapping

from django.db import models

from livehub.core.states import StateMachine


class MeetingStatus(models.TextChoices):
    """Whether a meeting can be joined."""

    ACTIVE = "active"
    INACTIVE = "inactive"


class MeetingSessionStatus(models.TextChoices):
    """A session of a meeting: from the first participant who joins until some time after the last one has left."""

    LIVE = "live"
    ENDED = "ended"


MEETING_SESSION_MACHINE = StateMachine({MeetingSessionStatus.LIVE: frozenset({MeetingSessionStatus.ENDED})})

MEETING_SESSION_LABELS: Mapping[str, str] = {status: status.label for status in MeetingSessionStatus}


class MeetingEndReason(models.TextChoices):
    """Why a session is over."""

    HOST_ENDED = "host_ended", "Ended by its host"
    EVERYBODY_LEFT = "everybody_left", "Everybody left"


class LeaveReason(models.TextChoices):
    """Why a participant's connection is over."""

    LEFT = "left", "Left"
    LOST = "lost", "Connection lost"
    REMOVED = "removed", "Removed by a host"
