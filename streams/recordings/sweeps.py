"""Finding what nobody has been called for: recordings and clips that something is to be done for."""

from collections import defaultdict
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from livehub.core import clock
from livehub.core.errors import NotFoundError
from streams.livestreams.models import NodeDisk
from streams.organizations.services import SYSTEM
from streams.recordings import moving, node_jobs
from streams.recordings.clips.services import delete_clip
from streams.recordings.models import Clip, Recording
from streams.recordings.pushing import end_push
from streams.recordings.services import delete_recording, give_up_waiting
from streams.recordings.states import ACTIVE, RecordingStatus, StillsStatus

# Deleted at once; the rest the next time.
_MOST_AT_ONCE = 50
# After which somebody who asked for one does not expect it any more.
_LONGEST_WAIT = timedelta(days=1)
# Each tells of its disk every 15 s.
_NODE_PATIENCE = timedelta(minutes=5)
# Without a broadcast there is nothing to take.
_WAITING = (RecordingStatus.INVOKED, RecordingStatus.PAUSED)


def sweep_recordings() -> None:
    """Have all that is unfinished taken on, what has run out deleted, and what was deleted removed.

    :raises BrokerUnavailableError: when nobody knows whether workers have been called already.
    """
    _end_waiting()
    end_pushes()
    _delete_expired()
    moving.follow_moved()
    _tell_of_silent_nodes()
    by_node = defaultdict[str, list[UUID]](list)
    unfinished = Recording.objects.existing().unfinished().exclude(session=None, status__in=_WAITING)
    for node, recording_id in unfinished.order_by("invoked_at").values_list("node", "pk"):
        by_node[node].append(recording_id)
    for node, recording_ids in by_node.items():
        node_jobs.advance_waiting(recording_ids, node=node)
    _call_for_stills()


def _call_for_stills() -> None:
    """Have each node make the pictures of the recording that has waited longest for them."""
    waiting = Recording.objects.existing().filter(status=RecordingStatus.UPLOADED, stills_status=StillsStatus.WAITING)
    due = waiting.filter(Q(stills_due_at=None) | Q(stills_due_at__lt=clock.now()))
    for node, recording_id in due.order_by("node", "uploaded_at").distinct("node").values_list("node", "pk"):
        node_jobs.make_waiting_stills(recording_id, node=node)


def sweep_clips() -> None:
    """Have all that are unfinished made, and those deleted whose time is over.

    :raises BrokerUnavailableError: when nobody knows whether workers have been called already.
    """
    expired = Clip.objects.existing().filter(expires_at__lt=clock.now())
    for clip_id in expired.values_list("pk", flat=True)[:_MOST_AT_ONCE]:
        with suppress(NotFoundError):
            delete_clip(clip_id=clip_id, actor=SYSTEM)
    by_node = defaultdict[str, list[UUID]](list)
    for node, clip_id in Clip.objects.existing().unfinished().order_by("created_at").values_list("node", "pk"):
        by_node[node].append(clip_id)
    for node, clip_ids in by_node.items():
        node_jobs.make_waiting_clips(clip_ids, node=node)


def call_for_erasing() -> None:
    """Have removed what is left of deleted recordings and clips, since a store may have been away.

    :raises BrokerUnavailableError: when nobody knows whether workers have been called already.
    """
    for rows, call in (
        (Recording.objects.all(), node_jobs.erase_waiting),
        (Clip.objects.all(), node_jobs.erase_waiting_clips),
    ):
        deleted = rows.filter(is_erased=False).exclude(deleted_at=None)
        for node in list(deleted.order_by().values_list("node", flat=True).distinct()):
            # Those that could not be removed come last again.
            oldest = deleted.filter(node=node).order_by("updated_at").values_list("pk", flat=True)
            call(list(oldest[:_MOST_AT_ONCE]), node=node)


def _tell_of_silent_nodes() -> None:
    """Say of recordings why nothing becomes of them, where nobody else is there to."""
    since = clock.now() - _NODE_PATIENCE
    heard = {settings.NODE, *NodeDisk.objects.filter(seen_at__gt=since).values_list("node", flat=True)}
    silent = Recording.objects.existing().filter(status=RecordingStatus.UPLOADING, problem="", updated_at__lt=since)
    for node in list(silent.exclude(node__in=heard).order_by().values_list("node", flat=True).distinct()):
        problem = f"Its files are on the machine {node}, which does not answer. It is stored when that one is back."
        silent.filter(node=node).update(problem=problem, updated_at=clock.now())


def _end_waiting() -> None:
    before = clock.now() - _LONGEST_WAIT
    waiting = Recording.objects.existing().active().filter(session=None, invoked_at__lt=before)
    for recording_id in waiting.values_list("pk", flat=True)[:_MOST_AT_ONCE]:
        # Somebody may have deleted it just now.
        with suppress(NotFoundError):
            give_up_waiting(recording_id=recording_id)


def end_pushes() -> None:
    """Take simulcasts away whose recordings are over, since whoever ended these may have been killed."""
    over = Recording.objects.exclude(push=None).exclude(status__in=ACTIVE)
    for recording_id in over.values_list("pk", flat=True)[:_MOST_AT_ONCE]:
        end_push(recording_id=recording_id)


def _delete_expired() -> None:
    expired = Recording.objects.existing().filter(expires_at__lt=clock.now())
    for recording_id in expired.values_list("pk", flat=True)[:_MOST_AT_ONCE]:
        with suppress(NotFoundError):
            delete_recording(recording_id=recording_id, actor=SYSTEM)
