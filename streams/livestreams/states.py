"""The life of a session, and how a person is shown it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from django.db import models

from livehub.core.states import StateMachine


class SessionStatus(models.TextChoices):
    """A session is one broadcast: from an accepted encoder, or its beginning by hand, to its end."""

    CONNECTING = "connecting"
    # It was begun by hand, and no encoder's picture has been in the stream yet: viewers see the slate.
    STANDBY = "standby"
    LIVE = "live"
    # It was live, its encoder is away, and may come back.
    RECONNECTING = "reconnecting"
    ENDED = "ended"
    ERRORED = "errored"


class LivestreamStatus(models.TextChoices):
    """What the newest session makes of the livestream; the dialects have words of their own for these."""

    IDLE = "idle"
    CONNECTING = "connecting"
    STANDBY = "standby"
    LIVE = "live"
    RECONNECTING = "reconnecting"
    ERRORED = "errored"


class DuplicatePublisher(models.TextChoices):
    """What becomes of an encoder that publishes while another one does."""

    REJECT = "reject", "It is refused"
    REPLACE = "replace", "It takes over"


class WhileEncoderAway(models.TextChoices):
    """What viewers see while a broadcast waits for its encoder."""

    SLATE = "slate", "A slate"
    HOLD = "hold", "The last picture"
    # Their players wait: the last picture stands still.
    NOTHING = "nothing", "Nothing"


class PullState(models.TextChoices):
    """How the fetching of a source goes."""

    IDLE = "idle", "Off"
    STARTING = "starting", "Starting"
    PULLING = "pulling", "Fetching"
    RETRYING = "retrying", "Trying again"
    # It leads where nobody is let: nothing happens until it is changed, or asked for again.
    ERRORED = "errored", "Refused"


_OVER = frozenset({SessionStatus.ENDED, SessionStatus.ERRORED})
SESSION_MACHINE = StateMachine(
    {
        SessionStatus.CONNECTING: _OVER | {SessionStatus.LIVE},
        SessionStatus.STANDBY: _OVER | {SessionStatus.LIVE},
        SessionStatus.LIVE: _OVER | {SessionStatus.RECONNECTING},
        SessionStatus.RECONNECTING: _OVER | {SessionStatus.LIVE},
    }
)

LIVESTREAM_STATUS_OF_SESSION = {
    SessionStatus.CONNECTING: LivestreamStatus.CONNECTING,
    SessionStatus.STANDBY: LivestreamStatus.STANDBY,
    SessionStatus.LIVE: LivestreamStatus.LIVE,
    SessionStatus.RECONNECTING: LivestreamStatus.RECONNECTING,
    SessionStatus.ENDED: LivestreamStatus.IDLE,
    SessionStatus.ERRORED: LivestreamStatus.ERRORED,
}


class LatencyMode(models.TextChoices):
    """How far behind its encoder a broadcast is played, and what that costs."""

    # Parts of segments, which players fetch as they come.
    LOW = "low", "Low"
    # Whole segments only: least load.
    STANDARD = "standard", "Standard"


class PlaybackPolicy(models.TextChoices):
    """Who may play."""

    # Whoever knows the address.
    PUBLIC = "public", "Public"
    # Whoever shows a token of ours, or one made with the app's key.
    SIGNED = "signed", "Signed"


class EndReason(models.TextChoices):
    """Why a session is over, in the words of an operator's screen."""

    ENCODER_STOPPED = "encoder_stopped", "Encoder stopped"
    ENCODER_LOST = "encoder_lost", "Encoder lost"
    NO_ENCODER = "no_encoder", "No encoder came"
    ENDED_BY_OPERATOR = "ended_by_operator", "Ended by an operator"
    DISABLED = "disabled", "Livestream disabled"
    STOPPED = "stopped", "Meeting's livestream stopped"
    KEY_RESET = "key_reset", "Stream key reset"
    DELETED = "deleted", "Livestream deleted"
    SOURCE_REFUSED = "source_refused", "Source not usable"
    TRANSCODER_FAILED = "transcoder_failed", "Transcoder failed"
    OVER_QUOTA = "over_quota", "Above its organization's quota"
    TEST_PICTURE_REPLACED = "test_picture_replaced", "An encoder took over"
    RUNTIME_OVER = "runtime_over", "Longest time on air reached"


class OutputType(models.TextChoices):
    """What an output makes of a broadcast."""

    HLS = "hls", "HLS"
    ARCHIVE = "archive", "Archive"
    SIMULCAST = "simulcast", "Simulcast"


class SimulcastState(models.TextChoices):
    """How far a simulcast is; `streams.media.rtmp` has the same words."""

    IDLE = "idle", "Ready"
    STARTING = "starting", "Starting"
    BROADCASTING = "broadcasting", "Broadcasting"
    RETRYING = "retrying", "Retrying"
    # It has failed for long, and is tried every five minutes.
    ERRORED = "errored", "Failed"
    DISABLED = "disabled", "Off"


class EventKind(models.TextChoices):
    """What can happen to a session; the label is what its timeline says."""

    STATUS = "status", "Status"
    RUN_STARTED = "run_started", "Run started"
    RUN_FAILED = "run_failed", "Interrupted"
    RUN_LOST = "run_lost", "Interrupted"
    RUN_POSTPONED = "run_postponed", "Waiting"
    SOURCE_CHANGED = "source_changed", "Source changed"
    OVERLOADED = "overloaded", "Quality lowered"
    RESTORED = "restored", "Quality restored"
    RESUMED = "resumed", "Resumed"
    SLATE_SHOWN = "slate_shown", "Slate on air"
    FILES_REMOVED = "files_removed", "Files removed"
    CONNECTED = "connected", "Encoder connected"
    REPLACED = "replaced", "Encoder replaced"
    QUEUED = "queued", "Waiting for a place"
    REFUSED = "refused", "Encoder refused"
    # It is connected, and viewers see what they see while one is away.
    SILENT = "silent", "Encoder silent"
    SENDS_AGAIN = "sends_again", "Encoder sends again"
    NOT_HELD = "not_held", "Slate shown"
    # What the encoder sends is not as it should be, and is again.
    FAULT_FOUND = "fault_found", "Encoder fault"
    FAULT_MENDED = "fault_mended", "Mended"


class DiskLevel(models.TextChoices):
    """How full a node's disk is, and with it what goes on there."""

    FINE = "fine", "Fine"
    LOW = "low", "Nearly full"
    # Files of broadcasts that are over go before their time.
    FULL = "full", "Full"


@dataclass(frozen=True)
class Shown:
    """How people see a state; `value` is what filters and page scripts call it."""

    value: str
    label: str
    # The class that colours its pill and its dot in a timeline; empty for a plain one.
    tone: str = ""
    # A broadcast is going on: an encoder is there, or is waited for.
    is_on_air: bool = False
    # Viewers can play it.
    is_playable: bool = False


_LIVE = Shown("live", "Live", "live", is_on_air=True, is_playable=True)
_RECONNECTING = Shown("reconnecting", "Reconnecting", "warn", is_on_air=True, is_playable=True)
_CONNECTING = Shown("connecting", "Connecting", "warn", is_on_air=True)
# Viewers see the slate of one that is ready, which only its session tells.
_STANDBY = Shown("standby", "Standby", "warn", is_on_air=True)
_FAILED = Shown("errored", "Failed", "bad")
# What the overview shows of a livestream that has turned an encoder away.
REFUSED = Shown("refused", "Refused", "warn")
# What a livestream shows whose encoders are refused, once nothing is on air.
DISABLED = Shown("disabled", "Disabled", "off")

# In the order in which a person is offered them.
LIVESTREAM_STATES: Mapping[str, Shown] = {
    LivestreamStatus.LIVE: _LIVE,
    LivestreamStatus.RECONNECTING: _RECONNECTING,
    LivestreamStatus.STANDBY: _STANDBY,
    LivestreamStatus.CONNECTING: _CONNECTING,
    LivestreamStatus.IDLE: Shown("idle", "Offline"),
    LivestreamStatus.ERRORED: _FAILED,
}
SESSION_STATES: Mapping[str, Shown] = {
    SessionStatus.CONNECTING: _CONNECTING,
    SessionStatus.STANDBY: _STANDBY,
    SessionStatus.LIVE: _LIVE,
    SessionStatus.RECONNECTING: _RECONNECTING,
    SessionStatus.ENDED: Shown("ended", "Ended"),
    SessionStatus.ERRORED: _FAILED,
}
# What a timeline has beside changes of status, which look as the new status does.
EVENT_STATES: Mapping[str, Shown] = {
    kind: Shown(kind.value, kind.label, tone)
    for kind, tone in {
        EventKind.RUN_STARTED: "",
        EventKind.RUN_FAILED: "bad",
        EventKind.RUN_LOST: "bad",
        EventKind.RUN_POSTPONED: "warn",
        EventKind.SOURCE_CHANGED: "warn",
        EventKind.OVERLOADED: "warn",
        EventKind.RESTORED: "",
        EventKind.RESUMED: "live",
        EventKind.SLATE_SHOWN: "",
        EventKind.FILES_REMOVED: "warn",
        EventKind.CONNECTED: "",
        EventKind.REPLACED: "warn",
        EventKind.QUEUED: "warn",
        EventKind.REFUSED: "bad",
        EventKind.SILENT: "warn",
        EventKind.SENDS_AGAIN: "live",
        EventKind.NOT_HELD: "warn",
        EventKind.FAULT_FOUND: "warn",
        EventKind.FAULT_MENDED: "",
    }.items()
}

DISK_STATES: Mapping[str, Shown] = {
    level: Shown(level.value, level.label, tone)
    for level, tone in {DiskLevel.FINE: "live", DiskLevel.LOW: "warn", DiskLevel.FULL: "bad"}.items()
}

OUTPUT_LIVE = Shown("live", "Live", "live", is_on_air=True, is_playable=True)
OUTPUT_READY = Shown("ready", "Ready")
OUTPUT_OFF = Shown("off", "Off", "off")
OUTPUT_RECORDING = replace(OUTPUT_LIVE, label="Recording")

SIMULCAST_STATES: Mapping[str, Shown] = {
    SimulcastState.IDLE: OUTPUT_READY,
    SimulcastState.STARTING: Shown("starting", "Starting", "warn", is_on_air=True),
    SimulcastState.BROADCASTING: replace(OUTPUT_LIVE, label="Broadcasting"),
    SimulcastState.RETRYING: Shown("retrying", "Retrying", "warn", is_on_air=True),
    SimulcastState.ERRORED: Shown("errored", "Failed", "bad", is_on_air=True),
    SimulcastState.DISABLED: OUTPUT_OFF,
}

# These change nothing of what viewers get.
FAULTS = frozenset({EventKind.FAULT_FOUND, EventKind.FAULT_MENDED})
# After these viewers get nothing new, until something else happens.
INTERRUPTIONS = frozenset(
    {
        EventKind.RUN_FAILED,
        EventKind.RUN_LOST,
        EventKind.RUN_POSTPONED,
        EventKind.SOURCE_CHANGED,
        EventKind.OVERLOADED,
        EventKind.RESTORED,
        EventKind.SILENT,
    }
)


def show_livestream(*, status: str, is_disabled: bool, is_stopped: bool = False, newest_event: str = "") -> Shown:
    """Return what a livestream shows: a broadcast that is on air comes before everything else.

    `newest_event` is the kind of what happened last to the broadcast that is going on. One that was stopped is found
    among those of its status: only the word for it is another, since no encoder can ever come.
    """
    shown = LIVESTREAM_STATES[status]
    if shown.is_on_air:
        return _interrupted(shown, newest_event)
    shown = DISABLED if is_disabled else shown
    return replace(shown, label="Stopped", tone="off") if is_stopped else shown


def show_session(*, status: str, newest_event: str = "") -> Shown:
    """Return what a session shows; `newest_event` is the kind of what happened to it last."""
    return _interrupted(SESSION_STATES[status], newest_event)


_PULL_TONES = {PullState.PULLING: "live", PullState.RETRYING: "warn", PullState.ERRORED: "bad"}


def show_pull(state: str, *, is_finished: bool) -> Shown:
    """Return what the fetching of a source shows."""
    label = "Ended" if is_finished else PullState(state).label
    return Shown(state, label, _PULL_TONES.get(PullState(state), ""))


def show_output(*, type: str, is_enabled: bool, status: LivestreamStatus) -> Shown:
    """Return what an output of a livestream of this status shows."""
    if not is_enabled:
        return OUTPUT_OFF
    if not LIVESTREAM_STATES[status].is_playable:
        return OUTPUT_READY
    return OUTPUT_RECORDING if type == OutputType.ARCHIVE else OUTPUT_LIVE


def show_simulcast(*, state: str, is_enabled: bool, reason: str) -> Shown:
    """Return what a simulcast shows; one that takes the broadcast for a reason takes it badly."""
    shown = SIMULCAST_STATES[state] if is_enabled else OUTPUT_OFF
    return replace(shown, tone="warn") if shown.is_playable and reason else shown


def _interrupted(shown: Shown, newest_event: str) -> Shown:
    """Return the state as it looks while nothing new comes out: filters and players go by its value all the same."""
    # While the encoder is away there is nothing that could be interrupted.
    if not shown.is_on_air or shown == _RECONNECTING or newest_event not in INTERRUPTIONS:
        return shown
    return replace(shown, label=EVENT_STATES[newest_event].label, tone="warn")
