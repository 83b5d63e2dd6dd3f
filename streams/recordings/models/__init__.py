"""The recordings' rows."""

from streams.recordings.models.recording import Recording, RecordingPart, RecordingQuerySet, RecordedSegment

__all__ = ["RecordedSegment", "Recording", "RecordingPart", "RecordingQuerySet"]
