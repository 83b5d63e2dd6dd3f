"""Which files a recording has for whoever asked for it: what was broadcast, or what was made of it."""

from dataclasses import dataclass
from typing import Self

from streams.recordings.models import Recording, Rendering
from streams.recordings.renditions import FileForm
from streams.recordings.states import RenderingKind

MP4 = "video/mp4"


@dataclass(frozen=True)
class RecordedFile:
    """A file in its recording's store; `size` in bytes."""

    object_name: str
    file_name: str
    content_type: str
    size: int

    @classmethod
    def of_broadcast(cls, recording: Recording) -> Self:
        """Return what was broadcast, as it is stored."""
        name = recording.object_name.rpartition("/")[2]
        return cls(recording.object_name, name, MP4, recording.size or 0)

    @classmethod
    def of_rendering(cls, made: Rendering) -> Self:
        return cls(made.object_name, made.file_name, made.content_type, made.size or 0)


def video_file(recording: Recording) -> RecordedFile | None:
    """Return the recording's file; None while there is none, or where its sound alone was wanted.

    Of one that no other file could be made of it is what was broadcast.
    """
    if not recording.has_file:
        return None
    if recording.rendition is None or not recording.is_stored:
        return RecordedFile.of_broadcast(recording)
    made = _made(recording, RenderingKind.VIDEO)
    if made is not None:
        return RecordedFile.of_rendering(made)
    has_own = FileForm.read(recording.rendition).has_video_file or _made(recording, RenderingKind.AUDIO) is None
    return RecordedFile.of_broadcast(recording) if has_own else None


def sound_file(recording: Recording) -> RecordedFile | None:
    """Return the file of its sound alone, where one was asked for and is stored."""
    if recording.rendition is None or not recording.is_stored:
        return None
    made = _made(recording, RenderingKind.AUDIO)
    return None if made is None else RecordedFile.of_rendering(made)


def told_size(recording: Recording) -> int | None:
    """Return how large the file is that is handed out, in bytes."""
    if recording.rendition is None:
        return recording.size
    found = video_file(recording) or sound_file(recording)
    return found.size if found else None


def _made(recording: Recording, kind: RenderingKind) -> Rendering | None:
    # Of a list they have been read with it.
    return next((each for each in recording.renderings.all() if each.kind == kind), None)
