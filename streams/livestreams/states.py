"""The life of a session, and what a livestream shows of it."""

from django.db import models

from livehub.core.states import StateMachine


class SessionStatus(models.TextChoices):
    """A session is one broadcast: from an accepted encoder to its end."""

    CONNECTING = "connecting"
    LIVE = "live"
    ENDED = "ended"
    ERRORED = "errored"


class LivestreamStatus(models.TextChoices):
    """What the newest session makes of the livestream; the dialects have words of their own for these."""

    IDLE = "idle"
    CONNECTING = "connecting"
    LIVE = "live"
    ERRORED = "errored"


SESSION_MACHINE = StateMachine(
    {
        SessionStatus.CONNECTING: frozenset({SessionStatus.LIVE, SessionStatus.ENDED, SessionStatus.ERRORED}),
        SessionStatus.LIVE: frozenset({SessionStatus.ENDED, SessionStatus.ERRORED}),
    }
)

LIVESTREAM_STATUS_OF_SESSION = {
    SessionStatus.CONNECTING: LivestreamStatus.CONNECTING,
    SessionStatus.LIVE: LivestreamStatus.LIVE,
    SessionStatus.ENDED: LivestreamStatus.IDLE,
    SessionStatus.ERRORED: LivestreamStatus.ERRORED,
}


class EndReason(models.TextChoices):
    """Why a session is over, in the words of an operator's screen."""

    ENCODER_STOPPED = "encoder_stopped", "Encoder stopped"
    ENCODER_LOST = "encoder_lost", "Encoder lost"
    ENDED_BY_OPERATOR = "ended_by_operator", "Ended by an operator"
    DISABLED = "disabled", "Livestream disabled"
    KEY_RESET = "key_reset", "Stream key reset"
    DELETED = "deleted", "Livestream deleted"
    SOURCE_REFUSED = "source_refused", "Source not usable"
    TRANSCODER_FAILED = "transcoder_failed", "Transcoder failed"


class EventKind(models.TextChoices):
    """What can happen to a session; the label is what its timeline says."""

    STATUS = "status", "Status"
    RUN_STARTED = "run_started", "Run started"
    RUN_FAILED = "run_failed", "Interrupted"
    RUN_POSTPONED = "run_postponed", "Waiting"
    RESUMED = "resumed", "Resumed"
