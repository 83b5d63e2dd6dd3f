"""Broadcasts that go on at another machine: each machine records what it has, in a file of its own.

What was made of a broadcast lies on the machine that made it (`streams/livestreams`), and so does a recording's folder.
An encoder that comes back to another one leaves there what the first cannot take: so the recording ends with what the
first has, and another one begins with what the other makes. Nothing is lost between them.
"""

from uuid import UUID

from django.db import transaction
from django.db.models import F, OuterRef, QuerySet, Subquery

from livehub.core import clock
from livehub.core.errors import NotFoundError
from streams.livestreams.locks import find_open_session_of, lock_livestream
from streams.livestreams.models import Connection
from streams.organizations.services import SYSTEM
from streams.recordings import lifecycle
from streams.recordings.locks import lock_recording
from streams.recordings.models import Recording
from streams.recordings.renditions import FileForm
from streams.recordings.services import NewRecording, make_recording
from streams.recordings.states import RecordingOrigin, RecordingStatus, SlateRecording, StopReason

# Of one sweep; the rest the next time.
_MOST_AT_ONCE = 50
_CLOCKS_MS = 2_000


def follow_moved() -> None:
    """Have recordings go on at the machines that their broadcasts have gone to."""
    for recording_id in _moved().values_list("pk", flat=True)[:_MOST_AT_ONCE]:
        follow(recording_id=recording_id)


@transaction.atomic
def follow(*, recording_id: UUID) -> Recording | None:
    """End a recording whose broadcast goes on at another machine, and return the one that goes on there, if any."""
    found = Recording.objects.existing().active().filter(pk=recording_id).first()
    if found is None or found.livestream_id is None:
        return None
    try:
        livestream = lock_livestream(found.livestream_id)
        session = find_open_session_of(livestream)
        before = lock_recording(recording_id)
    except NotFoundError:
        return None
    connection = session.connection if session is not None else None
    if session is None or connection is None or not before.is_active or before.session_id != session.pk:
        return None
    if connection.node == before.node:
        return None
    moved_ms = clock.epoch_ms(connection.connected_at)
    was_paused = before.status == RecordingStatus.PAUSED
    lifecycle.stop(before, reason=StopReason.MOVED, until_ms=moved_ms)
    new = NewRecording(
        origin=RecordingOrigin(before.origin),
        max_seconds=_seconds_left(before, moved_ms=moved_ms),
        file_name_prefix=_prefix_of(before),
        retention_s=before.retention_s,
        slate=SlateRecording(before.slate),
        config=before.config,
        storage=before.storage,
        rendition=FileForm.read(before.rendition) if before.rendition is not None else None,
        has_links=before.has_links,
    )
    after = make_recording(livestream, session, new=new, actor=SYSTEM, is_further=before.is_further)
    # Machines' clocks differ, and the first picture may be told a little before its encoder.
    after.from_ms, after.started_by, after.start_reason = moved_ms - _CLOCKS_MS, before.started_by, before.start_reason
    # Where it is sent to as well goes on with it.
    after.push, before.push = before.push, None
    before.save(update_fields=["push", "updated_at"])
    after.save(update_fields=["from_ms", "started_by", "start_reason", "push"])
    if was_paused:
        lifecycle.change_status(after, new=RecordingStatus.PAUSED, pauses=[[moved_ms, None]])
    return after


def _moved() -> QuerySet[Recording]:
    newest = Connection.objects.filter(session=OuterRef("session")).order_by("-connected_at", "-id").values("node")[:1]
    active = Recording.objects.existing().active().filter(session__stopped_at=None).exclude(session=None)
    return active.annotate(broadcast_at=Subquery(newest)).exclude(broadcast_at=None).exclude(broadcast_at=F("node"))


def _prefix_of(recording: Recording) -> str:
    """Return what its file's name begins with that somebody asked for."""
    prefix, found, _ = recording.output_file_name.partition(f"_{recording.meeting_id or recording.livestream_id}_")
    return prefix if found else ""


def _seconds_left(recording: Recording, *, moved_ms: int) -> int | None:
    if recording.max_seconds is None or recording.started_at is None:
        return recording.max_seconds
    return max(1, recording.max_seconds - (moved_ms - clock.epoch_ms(recording.started_at)) // 1000)
