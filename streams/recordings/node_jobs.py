"""Work that only the node with the broadcast's files can do: each has a queue of its own."""

from collections.abc import Sequence
from uuid import UUID

from livehub.core import jobs
from livehub.core.jobs import queue_of
from streams.recordings.models import Clip, Recording


def advance(recording: Recording) -> None:
    """Have a recording taken on, when the transaction commits."""
    _advance(recording.pk, node=recording.node)


def advance_waiting(recording_ids: Sequence[UUID], *, node: str) -> None:
    """Have a node take recordings on, unless as many messages lie in its queue already.

    :raises BrokerUnavailableError: when nobody can tell.
    """
    if jobs.count_waiting(queue_of("recordings", node=node)) < len(recording_ids):
        for recording_id in recording_ids:
            _advance(recording_id, node=node)


def _advance(recording_id: UUID, *, node: str) -> None:
    jobs.enqueue("streams.advance_recording", queue=queue_of("recordings", node=node), recording_id=recording_id)


def erase_waiting(recording_ids: Sequence[UUID], *, node: str) -> None:
    """Have a node remove what is left of deleted recordings, unless it has not come to other work.

    :raises BrokerUnavailableError: when nobody can tell.
    """
    if jobs.count_waiting(queue_of("recordings", node=node)) < len(recording_ids):
        for recording_id in recording_ids:
            _erase(recording_id, node=node)


def make_stills(recording: Recording) -> None:
    """Have a stored recording's pictures made, when the transaction commits."""
    _make_stills(recording.pk, node=recording.node)


def make_waiting_stills(recording_id: UUID, *, node: str) -> None:
    """Have a node make a recording's pictures, unless it has other work.

    :raises BrokerUnavailableError: when nobody can tell.
    """
    if jobs.count_waiting(queue_of("recordings", node=node)) == 0:
        _make_stills(recording_id, node=node)


def _make_stills(recording_id: UUID, *, node: str) -> None:
    queue = queue_of("recordings", node=node)
    jobs.enqueue("streams.make_recording_stills", queue=queue, recording_id=recording_id)


def make(clip: Clip) -> None:
    """Have a clip's file made and stored, when the transaction commits."""
    _make(clip.pk, node=clip.node)


def make_waiting(clip_ids: Sequence[UUID], *, node: str) -> None:
    """Have a node make clips, unless as many messages lie in its queue already.

    :raises BrokerUnavailableError: when nobody can tell.
    """
    if jobs.count_waiting(queue_of("recordings", node=node)) < len(clip_ids):
        for clip_id in clip_ids:
            _make(clip_id, node=node)


def _make(clip_id: UUID, *, node: str) -> None:
    jobs.enqueue("streams.make_clip", queue=queue_of("recordings", node=node), clip_id=clip_id)


def erase_clip(clip: Clip) -> None:
    """Have what is left of a deleted clip removed, when the transaction commits."""
    jobs.enqueue("streams.erase_clip", queue=queue_of("recordings", node=clip.node), clip_id=clip.pk)


def erase(recording: Recording) -> None:
    """Have what is left of a deleted recording removed, when the transaction commits."""
    _erase(recording.pk, node=recording.node)


def _erase(recording_id: UUID, *, node: str) -> None:
    jobs.enqueue("streams.erase_recording", queue=queue_of("recordings", node=node), recording_id=recording_id)


def render(*, node: str) -> None:
    """Have a node make the next file that is to be made there, when the transaction commits."""
    jobs.enqueue("streams.render_next", queue=queue_of("recordings", node=node), node=node)
