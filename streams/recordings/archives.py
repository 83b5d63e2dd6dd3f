"""Recordings by what archives are called: those of a livestream that has such an output."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from livehub.core.errors import NotFoundError
from streams.livestreams.models import Output
from streams.livestreams.states import OutputType
from streams.organizations.models import App
from streams.recordings.models import Recording, RecordingQuerySet


@dataclass(frozen=True)
class Archive:
    """What was broadcast once on a livestream, under its archive's public id."""

    recording: Recording
    livestream_id: UUID
    public_id: str


def list_archived(app: App) -> RecordingQuerySet:
    """Return the recordings of the app's livestreams that have an archive, newest first."""
    archived = Output.objects.filter(type=OutputType.ARCHIVE, livestream__app=app, livestream__deleted_at=None)
    rows = Recording.objects.for_app(app).filter(livestream__in=archived.values("livestream"), meeting=None)
    return rows.select_related("livestream", "storage").newest_first()


def read_archives(recordings: Iterable[Recording]) -> list[Archive]:
    """Return these recordings with what their archives are called."""
    rows = list(recordings)
    outputs = Output.objects.filter(type=OutputType.ARCHIVE, livestream__in={row.livestream_id for row in rows})
    names = dict(outputs.values_list("livestream", "public_id"))
    return [
        Archive(row, row.livestream_id, names[row.livestream_id])
        for row in rows
        if row.livestream_id is not None and row.livestream_id in names
    ]


def get_archive(*, app: App, public_id: str) -> Archive:
    """Return the newest of an archive.

    :raises NotFoundError: when the app has no such archive, or nothing has been broadcast since it was made.
    """
    names = Output.objects.filter(type=OutputType.ARCHIVE, public_id=public_id.replace("\x00", ""))
    recording = list_archived(app).filter(livestream__in=names.values("livestream")).first()
    if recording is None or recording.livestream_id is None:
        raise NotFoundError(f"No archive {public_id[:64]}.")
    return Archive(recording, recording.livestream_id, public_id)
