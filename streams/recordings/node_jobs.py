"""Work that only the node with the broadcast's files can do: each has a queue of its own."""

from collections.abc import Sequence
from uuid import UUID

from livehub.core import jobs
from livehub.core.jobs import queue_of
from streams.recordings.models import Clip, Recording

_ADVANCE, _ERASE, _MAKE_STILLS = "streams.advance_recording", "streams.erase_recording", "streams.make_recording_stills"
_MAKE_CLIP, _ERASE_CLIP = "streams.make_clip", "streams.erase_clip"
_RENDER = "streams.render_next"


def advance(recording: Recording) -> None:
    """Have a recording taken on, when the transaction commits."""
    _call(_ADVANCE, node=recording.node, recording_id=recording.pk)


def advance_waiting(recording_ids: Sequence[UUID], *, node: str) -> None:
    """Have a node take recordings on, unless it has not come to other work.

    :raises BrokerUnavailableError: when nobody can tell.
    """
    _call_waiting(_ADVANCE, [{"recording_id": recording_id} for recording_id in recording_ids], node=node)


def erase(recording: Recording) -> None:
    """Have what is left of a deleted recording removed, when the transaction commits."""
    _call(_ERASE, node=recording.node, recording_id=recording.pk)


def erase_waiting(recording_ids: Sequence[UUID], *, node: str) -> None:
    """Have a node remove what is left of deleted recordings, unless it has not come to other work.

    :raises BrokerUnavailableError: when nobody can tell.
    """
    _call_waiting(_ERASE, [{"recording_id": recording_id} for recording_id in recording_ids], node=node)


def make_stills(recording: Recording) -> None:
    """Have a stored recording's pictures made, when the transaction commits."""
    _call(_MAKE_STILLS, node=recording.node, recording_id=recording.pk)


def make_waiting_stills(recording_id: UUID, *, node: str) -> None:
    """Have a node make a recording's pictures, unless it has other work.

    :raises BrokerUnavailableError: when nobody can tell.
    """
    _call_waiting(_MAKE_STILLS, [{"recording_id": recording_id}], node=node)


def make_clip(clip: Clip) -> None:
    """Have a clip's file made and stored, when the transaction commits."""
    _call(_MAKE_CLIP, node=clip.node, clip_id=clip.pk)


def make_waiting_clips(clip_ids: Sequence[UUID], *, node: str) -> None:
    """Have a node make clips, unless it has not come to other work.

    :raises BrokerUnavailableError: when nobody can tell.
    """
    _call_waiting(_MAKE_CLIP, [{"clip_id": clip_id} for clip_id in clip_ids], node=node)


def erase_clip(clip: Clip) -> None:
    """Have what is left of a deleted clip removed, when the transaction commits."""
    _call(_ERASE_CLIP, node=clip.node, clip_id=clip.pk)


def erase_waiting_clips(clip_ids: Sequence[UUID], *, node: str) -> None:
    """Have a node remove what is left of deleted clips, unless it has not come to other work.

    :raises BrokerUnavailableError: when nobody can tell.
    """
    _call_waiting(_ERASE_CLIP, [{"clip_id": clip_id} for clip_id in clip_ids], node=node)


def render(*, node: str) -> None:
    """Have a node make the next file that is to be made there, when the transaction commits."""
    jobs.enqueue(_RENDER, queue=queue_of("recordings", node=node), node=node)


def _call_waiting(task: str, wanted: Sequence[dict[str, UUID]], *, node: str) -> None:
    """Call a node for all of these, unless as many messages lie in its queue already."""
    if jobs.count_waiting(queue_of("recordings", node=node)) < len(wanted):
        for each in wanted:
            _call(task, node=node, **each)


def _call(task: str, *, node: str, **wanted: UUID) -> None:
    jobs.enqueue(task, queue=queue_of("recordings", node=node), **wanted)
