"""Starting, holding and stopping recordings by hand, and deleting them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from livehub.core import clock, events
from livehub.core.errors import DomainError, ValidationFailedError
from livehub.core.names import check_name
from streams.livestreams.locks import find_open_session_of, lock_livestream
from streams.livestreams.models import Livestream, Session
from streams.organizations.services import Actor, record
from streams.recordings import lifecycle, node_jobs
from streams.recordings.events import RecordingDeleted
from streams.recordings.locks import lock_recording
from streams.recordings.models import Recording, StorageTarget
from streams.recordings.models.policy import PREFIX_MAX_LENGTH
from streams.recordings.models.recording import MAX_SECONDS_LEAST, MAX_SECONDS_MOST
from streams.recordings.pushing import push
from streams.recordings.renditions import FileForm
from streams.recordings.states import RecordingOrigin, RecordingStatus, SlateRecording, StartReason, StopReason

_MIB = 1024 * 1024
# By the broadcast's kbit/s: so that a day always fits into 10,000 parts.
_PART_SIZES = ((6_000, 8 * _MIB), (15_000, 16 * _MIB))
_LARGEST_PART = 32 * _MIB
_BY_MAX_LENGTH = 255
# How names of what was broadcast end: where nothing else is made of it, and where something is.
_PLAIN, _ORIGINAL = ".mp4", ".original.mp4"
_ASKED_FOR = frozenset({RecordingOrigin.API, RecordingOrigin.WINDOW})


class RecordingActiveError(DomainError):
    """The livestream is being recorded already, or the recording is not over yet."""

    code = "recording_active"
    http_status = 400


class RecordingOverError(DomainError):
    """The recording was stopped: it takes nothing any more."""

    code = "recording_over"
    http_status = 400


class NothingToRecordError(DomainError):
    """No broadcast is going on."""

    code = "nothing_to_record"
    http_status = 400


@dataclass(frozen=True, kw_only=True)
class NewRecording:
    """What a recording is to be. `may_wait`: where no broadcast is going on, it begins with the next one."""

    origin: RecordingOrigin = RecordingOrigin.API
    max_seconds: int | None = None
    file_name_prefix: str = ""
    retention_s: int | None = None
    slate: SlateRecording = SlateRecording.CUT
    config: Mapping[str, object] = field(default_factory=dict)
    # Of its app; None for this instance's folder.
    storage: StorageTarget | None = None
    # What its files are to be like; None: as it is broadcast.
    rendition: FileForm | None = None
    has_links: bool = True
    # Where it is sent as well, with the platform's key; empty for nowhere.
    push_url: str = ""
    allows_multiple: bool = False
    may_wait: bool = False


@transaction.atomic
def start_recording(*, livestream: Livestream, new: NewRecording, actor: Actor) -> Recording:
    """Record what is broadcast from now on, and return the recording.

    :raises NotFoundError: when the livestream is deleted.
    :raises ValidationFailedError: when a value cannot be used; names all that cannot.
    :raises NothingToRecordError: when nothing is broadcast, and it may not wait.
    :raises RecordingActiveError: when it is being recorded, and further ones were not asked for.
    """
    check_recording(new)
    livestream = lock_livestream(livestream.pk)
    session = find_open_session_of(livestream)
    if session is None and not new.may_wait:
        raise NothingToRecordError(
            f"Nothing is broadcast on livestream {livestream.pk}. Start the broadcast, then record it."
        )
    is_recorded = Recording.objects.existing().active().filter(livestream=livestream, is_further=False).exists()
    if is_recorded and not new.allows_multiple:
        raise RecordingActiveError(
            f"Livestream {livestream.pk} is being recorded already. Stop that recording, or ask for a further one."
        )
    recording = make_recording(livestream, session, new=new, actor=actor, is_further=is_recorded)
    _audit(recording, actor=actor, action="recording.started")
    return recording


def make_recording(
    livestream: Livestream, session: Session | None, *, new: NewRecording, actor: Actor, is_further: bool = False
) -> Recording:
    """Make a recording of a locked livestream; one that somebody asks for begins at this moment.

    :raises OutputExistsError: when it has a simulcast that is off to where it is to be sent.
    :raises TooManyOutputsError: when it has enough simulcasts.
    """
    now = clock.now()
    begins_now = new.origin == RecordingOrigin.API and session is not None
    folder = _folder_of(livestream, storage=new.storage)
    stem = _free_stem(livestream, folder=folder, prefix=new.file_name_prefix)
    suffix = new.rendition.suffix if new.rendition else ".mp4"
    retention_s = settings.RECORDING_RETENTION_S if new.retention_s is None else new.retention_s
    recording = Recording(
        app=livestream.app,
        livestream=livestream,
        session=session,
        meeting=livestream.meeting,
        name=livestream.name,
        origin=new.origin,
        is_further=is_further,
        start_reason=StartReason.API_CALL if new.origin in _ASKED_FOR else StartReason.RECORD_ON_START,
        started_by=str(actor)[:_BY_MAX_LENGTH],
        invoked_at=now,
        from_ms=clock.epoch_ms(now) if begins_now else None,
        max_seconds=new.max_seconds,
        retention_s=retention_s,
        slate=new.slate,
        config=dict(new.config),
        rendition=new.rendition.kept if new.rendition else None,
        has_links=new.has_links,
        storage=new.storage,
        output_file_name=f"{stem}{suffix}",
        object_name=f"{folder}{stem}{_own_suffix(new.rendition, session)}",
        node=(session.node if session is not None else "") or settings.NODE,
        part_size=part_size_of(session),
    )
    if new.push_url:
        recording.push = push(livestream, url=new.push_url, actor=actor)
    recording.save(force_insert=True)
    lifecycle.began(recording, actor=actor)
    return recording


def part_size_of(session: Session | None) -> int:
    """Return how large the parts of its recording are, in bytes: the same for all of them but the last."""
    kbps = int(session.source.get("video_kbps") or 0) if session is not None else 0
    return next((size for most_kbps, size in _PART_SIZES if kbps <= most_kbps), _LARGEST_PART)


@transaction.atomic
def stop_recording(*, recording_id: UUID, actor: Actor) -> Recording:
    """Have a recording end here, and return it; one that was stopped before stays as it is.

    :raises NotFoundError: when it is deleted.
    """
    recording = lock_recording(recording_id)
    if recording.is_active:
        lifecycle.stop(recording, reason=StopReason.API_CALL, actor=actor, until_ms=clock.epoch_ms(clock.now()))
        _audit(recording, actor=actor, action="recording.stopped")
    return recording


@transaction.atomic
def pause_recording(*, recording_id: UUID, actor: Actor) -> Recording:
    """Have a recording leave out what is broadcast from now on, and return it; a paused one stays so.

    :raises NotFoundError: when it is deleted.
    :raises RecordingOverError: when it was stopped.
    """
    recording = lock_recording(recording_id)
    _check_is_active(recording)
    if recording.status != RecordingStatus.PAUSED:
        pauses = [*recording.pauses, [clock.epoch_ms(clock.now()), None]]
        lifecycle.change_status(recording, new=RecordingStatus.PAUSED, actor=actor, pauses=pauses)
        _audit(recording, actor=actor, action="recording.paused")
    return recording


@transaction.atomic
def resume_recording(*, recording_id: UUID, actor: Actor) -> Recording:
    """Have a paused recording go on, and return it; one that is not paused stays as it is.

    :raises NotFoundError: when it is deleted.
    :raises RecordingOverError: when it was stopped.
    """
    recording = lock_recording(recording_id)
    _check_is_active(recording)
    if recording.status == RecordingStatus.PAUSED:
        *before, (began_ms, _) = recording.pauses
        pauses = [*before, [began_ms, clock.epoch_ms(clock.now())]]
        lifecycle.change_status(recording, new=RecordingStatus.RECORDING, actor=actor, pauses=pauses)
        _audit(recording, actor=actor, action="recording.resumed")
    return recording


@transaction.atomic
def delete_recording(*, recording_id: UUID, actor: Actor) -> Recording:
    """Delete a recording, and what is stored of it.

    :raises NotFoundError: when it is deleted.
    :raises RecordingActiveError: when it takes what is broadcast.
    """
    recording = lock_recording(recording_id)
    if recording.is_active:
        raise RecordingActiveError("The recording is not over. Stop it, then delete it.")
    recording.deleted_at = clock.now()
    recording.save(update_fields=["deleted_at", "updated_at"])
    _audit(recording, actor=actor, action="recording.deleted")
    events.publish(RecordingDeleted.of(recording, at=recording.deleted_at, actor=actor))
    node_jobs.erase(recording)
    return recording


def stop_when_too_long(recording: Recording) -> None:
    """Have a recording end that lasts as long as it may; `recording` is brought up to date."""
    if recording.max_seconds is None or recording.started_at is None or not recording.is_active:
        return
    until = recording.started_at + timedelta(seconds=recording.max_seconds)
    if clock.now() < until:
        return
    with transaction.atomic():
        locked = lock_recording(recording.pk)
        if locked.is_active:
            lifecycle.stop(locked, reason=StopReason.MAX_SECONDS, until_ms=clock.epoch_ms(until))
    recording.status, recording.until_ms = locked.status, locked.until_ms


@transaction.atomic
def give_up_waiting(*, recording_id: UUID) -> None:
    """Give a recording up that no broadcast has come for."""
    recording = lock_recording(recording_id)
    if recording.is_active and recording.session_id is None:
        lifecycle.stop(recording, reason=StopReason.BROADCAST_ENDED)


def _check_is_active(recording: Recording) -> None:
    if not recording.is_active:
        raise RecordingOverError(f"Recording {recording.pk} was stopped. Start another one.")


def check_recording(new: NewRecording) -> None:
    """Accept what a recording can be.

    :raises ValidationFailedError: when a value cannot be used; names all that cannot.
    """
    fields: dict[str, list[str]] = {}
    if new.max_seconds is not None and not MAX_SECONDS_LEAST <= new.max_seconds <= MAX_SECONDS_MOST:
        fields["max_seconds"] = [f"Use {MAX_SECONDS_LEAST} to {MAX_SECONDS_MOST} seconds."]
    try:
        prefix = check_name(new.file_name_prefix, field="file_name_prefix")
    except ValidationFailedError as error:
        fields |= error.fields
    else:
        if len(prefix) > PREFIX_MAX_LENGTH:
            fields["file_name_prefix"] = [f"Use at most {PREFIX_MAX_LENGTH} characters."]
        elif "/" in prefix or "\\" in prefix:
            fields["file_name_prefix"] = ["A file's name has no slashes."]
    if fields:
        raise ValidationFailedError("The recording cannot be like this.", fields=fields)


def _folder_of(livestream: Livestream, *, storage: StorageTarget | None) -> str:
    # Source: RealtimeKit, "stored there, otherwise the root", under the very name that the caller was told.
    return "" if storage is not None and storage.is_inline else f"{livestream.app_id.hex}/"


def _free_stem(livestream: Livestream, *, folder: str, prefix: str) -> str:
    """Return what its files are called, up to their endings. Source: Dyte v2, POST /recordings."""
    of_whom = livestream.meeting_id or livestream.pk
    beginning = f"{prefix}_{of_whom}" if prefix else str(of_whom)
    at_ms = clock.epoch_ms(clock.now())
    # Of one livestream two may begin at once, and it is locked.
    while _is_taken(f"{folder}{beginning}_{at_ms}"):
        at_ms += 1
    return f"{beginning}_{at_ms}"


def _is_taken(stem: str) -> bool:
    return Recording.objects.filter(object_name__in=[f"{stem}{suffix}" for suffix in (_PLAIN, _ORIGINAL)]).exists()


def _own_suffix(rendition: FileForm | None, session: Session | None) -> str:
    """Return how the name of what was broadcast ends: another file will most likely bear the recording's own."""
    if rendition is None:
        return _PLAIN
    source = session.source if session is not None else {}
    size = (int(source.get("width") or 0), int(source.get("height") or 0))
    is_met = all(size) and rendition.copies_pictures([size]) and rendition.copies_sound and rendition.has_video_file
    return _PLAIN if is_met else _ORIGINAL


def _audit(recording: Recording, *, actor: Actor, action: str) -> None:
    said = {"livestream": str(recording.livestream_id), "file": recording.output_file_name}
    record(organization=recording.app.organization, actor=actor, action=action, target=recording, **said)
