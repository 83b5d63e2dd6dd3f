"""Finding what nobody has been called for: recordings and clips that something is to be done for."""

from collections import defaultdict
from datetime import timedelta
from uuid import UUID

from livehub.core import clock
from streams.organizations.services import SYSTEM
from streams.recordings import node_jobs
from streams.recordings.clips.services import delete_clip
from streams.recordings.models import Clip, Recording
from streams.recordings.services import delete_recording, give_up_waiting
from streams.recordings.states import RecordingStatus

# Deleted at once; the rest the next time.
_MOST_AT_ONCE = 50
# After which somebody who asked for one does not expect it any more.
_LONGEST_WAIT = timedelta(days=1)
# Without a broadcast there is nothing to take.
_WAITING = (RecordingStatus.INVOKED, RecordingStatus.PAUSED)


def sweep_recordings() -> None:
    """Have all that is unfinished taken on, what has run out deleted, and what was deleted removed.

    :raises BrokerUnavailableError: when nobody knows whether workers have been called already.
    """
    _end_waiting()
    _delete_expired()
    by_node = defaultdict[str, list[UUID]](list)
    unfinished = Recording.objects.existing().unfinished().exclude(session=None, status__in=_WAITING)
    for node, recording_id in unfinished.order_by("invoked_at").values_list("node", "pk"):
        by_node[node].append(recording_id)
    for node, recording_ids in by_node.items():
        node_jobs.advance_waiting(recording_ids, node=node)


def sweep_clips() -> None:
    """Have all that are unfinished made, and those deleted whose time is over.

    :raises BrokerUnavailableError: when nobody knows whether workers have been called already.
    """
    expired = Clip.objects.existing().filter(expires_at__lt=clock.now())
    for clip_id in expired.values_list("pk", flat=True)[:_MOST_AT_ONCE]:
        delete_clip(clip_id=clip_id, actor=SYSTEM)
    by_node = defaultdict[str, list[UUID]](list)
    for node, clip_id in Clip.objects.existing().unfinished().order_by("created_at").values_list("node", "pk"):
        by_node[node].append(clip_id)
    for node, clip_ids in by_node.items():
        node_jobs.make_waiting(clip_ids, node=node)


def call_for_erasing() -> None:
    """Have removed what is left of deleted recordings and clips, since a store may have been away.

    :raises BrokerUnavailableError: when nobody knows whether workers have been called already.
    """
    for recording in Recording.objects.filter(is_erased=False).exclude(deleted_at=None)[:_MOST_AT_ONCE]:
        node_jobs.erase(recording)
    for clip in Clip.objects.filter(is_erased=False).exclude(deleted_at=None)[:_MOST_AT_ONCE]:
        node_jobs.erase_clip(clip)


def _end_waiting() -> None:
    before = clock.now() - _LONGEST_WAIT
    waiting = Recording.objects.existing().active().filter(session=None, invoked_at__lt=before)
    for recording_id in waiting.values_list("pk", flat=True)[:_MOST_AT_ONCE]:
        give_up_waiting(recording_id=recording_id)


def _delete_expired() -> None:
    expired = Recording.objects.existing().filter(expires_at__lt=clock.now())
    for recording_id in expired.values_list("pk", flat=True)[:_MOST_AT_ONCE]:
        delete_recording(recording_id=recording_id, actor=SYSTEM)
