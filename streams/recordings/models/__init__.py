"""The recordings' rows, and those of where they are kept."""

from streams.recordings.models.clip import Clip, ClipQuerySet
from streams.recordings.models.policy import RecordingPolicy
from streams.recordings.models.recording import (
    RecordedSegment,
    Recording,
    RecordingInit,
    RecordingPart,
    RecordingQuerySet,
)
from streams.recordings.models.rendering import Rendering
from streams.recordings.models.storage import StorageTarget

__all__ = [
    "Clip",
    "ClipQuerySet",
    "RecordedSegment",
    "Recording",
    "RecordingInit",
    "RecordingPart",
    "RecordingPolicy",
    "RecordingQuerySet",
    "Rendering",
    "StorageTarget",
]
