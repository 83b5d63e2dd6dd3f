"""The recordings' rows."""

from streams.recordings.models.recording import (
    RecordedSegment,
    Recording,
    RecordingInit,
    RecordingPart,
    RecordingQuerySet,
)

__all__ = ["RecordedSegment", "Recording", "RecordingInit", "RecordingPart", "RecordingQuerySet"]
