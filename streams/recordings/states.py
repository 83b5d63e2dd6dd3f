"""The life of a recording, and how a person is shown it."""

from collections.abc import Mapping

from django.db import models

from livehub.core.states import StateMachine
from streams.livestreams.states import Shown


class RecordingStatus(models.TextChoices):
    """From when somebody or something asks for it until it is stored as a whole."""

    # Nothing has been taken yet.
    INVOKED = "invoked"
    RECORDING = "recording"
    # What is broadcast meanwhile is left out.
    PAUSED = "paused"
    # Nothing more is taken: what has been is sent to the store, closed and checked.
    UPLOADING = "uploading"
    UPLOADED = "uploaded"
    # There is no file of it.
    ERRORED = "errored"


# As every dialect writes them.
STATUS_WORDS = [status.upper() for status in RecordingStatus.values]


class RecordingOrigin(models.TextChoices):
    """Who or what began a recording."""

    AUTOMATIC = "automatic", "Automatic"
    API = "api", "Started by call"
    RECORD_ON_START = "record_on_start", "Meeting's setting"
    # Of what players could still go back to.
    WINDOW = "window", "Taken from the window"


class StartReason(models.TextChoices):
    API_CALL = "api_call", "By call"
    RECORD_ON_START = "record_on_start", "With the broadcast"


class StopReason(models.TextChoices):
    API_CALL = "api_call", "By call"
    BROADCAST_ENDED = "broadcast_ended", "The broadcast ended"
    MAX_SECONDS = "max_seconds", "Longest time reached"
    # Another recording goes on there.
    MOVED = "moved", "The broadcast went on at another machine"
    INTERNAL_ERROR = "internal_error", "An error of ours"


class RenderingKind(models.TextChoices):
    """What is made of a recording."""

    VIDEO = "video", "The recording itself"
    AUDIO = "audio", "Its sound alone"


class RenderingStatus(models.TextChoices):
    WAITING = "waiting", "Waiting"
    RENDERING = "rendering", "Being made"
    # It lies on its node, whole, and is sent to the store.
    STORING = "storing", "Being stored"
    STORED = "stored", "Stored"
    # What was broadcast is kept as it was.
    FAILED = "failed", "Failed"


RENDERING_STATES: Mapping[str, Shown] = {
    RenderingStatus.WAITING: Shown("waiting", "Waiting"),
    RenderingStatus.RENDERING: Shown("rendering", "Being made", "warn"),
    RenderingStatus.STORING: Shown("storing", "Being stored", "warn"),
    RenderingStatus.STORED: Shown("stored", "Stored", "live", is_playable=True),
    RenderingStatus.FAILED: Shown("failed", "Failed", "bad"),
}


class ClipStatus(models.TextChoices):
    """From when somebody asks for a clip until its file is stored."""

    MAKING = "making"
    READY = "ready"
    # There is no file of it.
    FAILED = "failed"


# As the API writes them.
CLIP_STATUS_WORDS = [status.upper() for status in ClipStatus.values]
CLIP_MACHINE = StateMachine({ClipStatus.MAKING: frozenset({ClipStatus.READY, ClipStatus.FAILED})})
CLIP_STATES: Mapping[str, Shown] = {
    ClipStatus.MAKING: Shown("making", "Being made", "warn"),
    ClipStatus.READY: Shown("ready", "Ready", "live", is_playable=True),
    ClipStatus.FAILED: Shown("failed", "Failed", "bad"),
}


_TAKES = frozenset({RecordingStatus.RECORDING, RecordingStatus.PAUSED})
_CLOSES = frozenset({RecordingStatus.UPLOADING, RecordingStatus.ERRORED})
RECORDING_MACHINE = StateMachine(
    {
        RecordingStatus.INVOKED: _TAKES | _CLOSES,
        RecordingStatus.RECORDING: _CLOSES | {RecordingStatus.PAUSED},
        RecordingStatus.PAUSED: _CLOSES | {RecordingStatus.RECORDING},
        RecordingStatus.UPLOADING: frozenset({RecordingStatus.UPLOADED, RecordingStatus.ERRORED}),
    }
)
# It takes what is broadcast, or will.
ACTIVE = (RecordingStatus.INVOKED, RecordingStatus.RECORDING, RecordingStatus.PAUSED)
# Something is still to be done for it.
UNFINISHED = (*ACTIVE, RecordingStatus.UPLOADING)

RECORDING_STATES: Mapping[str, Shown] = {
    RecordingStatus.INVOKED: Shown("invoked", "Starting", "warn", is_on_air=True),
    RecordingStatus.RECORDING: Shown("recording", "Recording", "live", is_on_air=True),
    RecordingStatus.PAUSED: Shown("paused", "Paused", "warn", is_on_air=True),
    RecordingStatus.UPLOADING: Shown("uploading", "Storing", "warn"),
    RecordingStatus.UPLOADED: Shown("uploaded", "Stored", is_playable=True),
    RecordingStatus.ERRORED: Shown("errored", "Failed", "bad"),
}
# Its file as it was broadcast is stored; another one is being made of it.
RENDERING = Shown("rendering", "Rendering", "warn")
VERIFIED = Shown("verified", "Verified", "live", is_playable=True)
INCOMPLETE = Shown("incomplete", "Incomplete", "warn", is_playable=True)


class SlateRecording(models.TextChoices):
    """What becomes of the stretches in which viewers saw something in the encoder's place."""

    CUT = "cut", "Left out"
    KEEP = "keep", "Kept as viewers saw them"


class StillsStatus(models.TextChoices):
    """Whether a stored recording has its poster and the pictures of its scrub bar."""

    WAITING = "waiting", "Being made"
    MADE = "made", "Made"
    # There is no picture in it.
    NONE = "none", "No picture"
    FAILED = "failed", "Failed"


# What a state means, and what comes next, in words for people; by `Shown.value`.
EXPLANATIONS: Mapping[str, str] = {
    "invoked": "It begins with the first picture of the broadcast.",
    "recording": "What is broadcast is taken, and stored as it goes.",
    "paused": "What is broadcast now is left out, until you let it go on.",
    "uploading": "What was recorded is being stored and checked.",
    "errored": "There is no file of it.",
    "rendering": "What was broadcast is stored and checked; the file that was asked for is being made of it.",
    "verified": "All that was to be recorded is in the file, which was read again and checked.",
    "incomplete": "It can be played, but something of the broadcast is missing.",
}
# With a problem, while it is being stored.
STORED_LATER = "What was recorded waits on LiveHub's own disk, and storing it is tried again by itself."

# Why something of a broadcast is not in its recording, in words for people.
GAP_WORDS: Mapping[str, str] = {
    "slate": "The encoder was away, and viewers saw something in its place",
    "paused": "The recording was paused",
    "files_gone": "Its files were gone before they could be taken",
    "disk_full": "The disk was full",
    "damaged": "What was written of it cannot be read",
    "sound": "The sound became another, which one file cannot follow",
}
