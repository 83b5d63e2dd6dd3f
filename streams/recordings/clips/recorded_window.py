"""What viewers can still go back to, as an ordinary recording."""

from contextlib import suppress

from django.db import transaction

from streams.livestreams.locks import lock_livestream
from streams.livestreams.models import Livestream
from streams.organizations.services import Actor, record
from streams.recordings import lifecycle, spool
from streams.recordings.clips.errors import told_to_callers
from streams.recordings.clips.window import Window
from streams.recordings.clips.wishes import Wish, find_stretch
from streams.recordings.following import SOUND
from streams.recordings.models import Recording
from streams.recordings.policies import get_policy, storage_of
from streams.recordings.services import NewRecording, make_recording
from streams.recordings.states import RecordingOrigin, SlateRecording, StopReason

# Sound is cut where the picture is, but for a few of its frames.
_BESIDE_MS = 100


def record_window(*, livestream: Livestream, wish: Wish, actor: Actor) -> Recording:
    """Have what was broadcast between two times taken, as far as it is there, and return the recording.

    It begins and ends with segments, as recordings do: those that the two times fall into are in it. It is stored as
    the livestream's recordings are, beside any other that is going on.

    :raises NotFoundError: when the livestream is deleted.
    :raises ValidationFailedError: when the stretch cannot be had; says what can.
    :raises NothingToClipError: when nothing is there.
    :raises FilesUnreadableError: when the broadcast's files cannot be read.
    """
    with told_to_callers():
        found = find_stretch(livestream, wish)
    policy = get_policy(livestream)
    new = NewRecording(
        origin=RecordingOrigin.WINDOW,
        file_name_prefix=policy.file_name_prefix,
        retention_s=policy.retention_s,
        slate=SlateRecording(policy.slate),
        storage=storage_of(policy),
    )
    from_ms = _segment_start(found.window, found.from_ms) if found.window else found.from_ms
    with transaction.atomic():
        locked = lock_livestream(livestream.pk)
        recording = make_recording(locked, found.session, new=new, actor=actor, is_further=True)
        recording.from_ms = from_ms
        recording.save(update_fields=["from_ms", "updated_at"])
        lifecycle.stop(recording, reason=StopReason.API_CALL, actor=actor, until_ms=found.until_ms)
        said = {"livestream": str(livestream.pk), "file": recording.output_file_name}
        record(organization=locked.app.organization, actor=actor, action="recording.started", target=recording, **said)
        if found.window is not None:
            with told_to_callers():
                _keep(recording, found.window)
    return recording


def _segment_start(window: Window, from_ms: int) -> int:
    """Return when the first segment that is needed begins, of picture or sound, whichever is the sooner."""
    begins_ms = window.needed(window.slot, from_ms=from_ms, until_ms=window.until_ms + 1)[0].at_ms
    sounds = [each.at_ms for each in window.of(SOUND) if each.at_ms <= begins_ms + _BESIDE_MS]
    return min(begins_ms, *sounds[-1:])


def _keep(recording: Recording, window: Window) -> None:
    """Keep what it is to be made of, which may leave the window before the recorder comes to it."""
    try:
        for each in window.segments:
            if (recording.from_ms or 0) <= each.at_ms < (recording.until_ms or 0):
                with suppress(FileNotFoundError):
                    # It has just been dropped: the recorder says so.
                    spool.link(recording.pk, window.folder / each.slot / each.name, slot=each.slot, name=each.name)
    except OSError:
        spool.clear(recording.pk)
        raise
