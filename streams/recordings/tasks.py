"""Celery's side of recordings: tasks take ids, are idempotent, and make one call."""

import logging
from uuid import UUID

from celery import shared_task
from celery.signals import worker_ready

from livehub.core.deadline import deadline
from livehub.core.outage import DATABASE_OUTAGE, describe
from streams.recordings import advancing, rendering, stills, sweeps
from streams.recordings.clips import making

logger = logging.getLogger(__name__)

# The next one comes after 5 s.
_SWEEP_S = 10.0
_BEGIN_S = 5.0


@worker_ready.connect
def _succeed(sender: object, **_: object) -> None:
    # Every worker loads this; the one of recordings alone has had some in hand.
    if not str(getattr(sender, "hostname", "")).startswith("recordings@"):
        return
    try:
        with deadline(_BEGIN_S):
            advancing.free_leases_of_this_node()
            making.free_leases_of_this_node()
    except DATABASE_OUTAGE as error:
        # Their leases end by themselves.
        logger.warning("recordings of a killed worker wait for their leases: %s", describe(error))


# No time limit: what it waits for is bounded by itself, and a day's recording may take minutes to be read again.
@shared_task(name="streams.advance_recording")
def advance_recording(recording_id: str) -> None:
    """Take a recording on."""
    advancing.advance_recording(recording_id=UUID(recording_id))


# No time limit, neither: whatever it runs is bounded by itself, and it takes no more than one thread of a node.
@shared_task(name="streams.render_next")
def render_next(node: str) -> None:
    """Make the next file that is to be made of a recording here."""
    rendering.render_next(node=node)


@shared_task(name="streams.erase_recording")
def erase_recording(recording_id: str) -> None:
    """Remove what is left of a deleted recording."""
    advancing.erase_recording(recording_id=UUID(recording_id))


# No time limit: it bounds itself.
@shared_task(name="streams.make_recording_stills")
def make_recording_stills(recording_id: str) -> None:
    """Make a recording's poster and storyboard."""
    stills.make_stills(recording_id=UUID(recording_id))


@shared_task(name="streams.make_clip")
def make_clip(clip_id: str) -> None:
    """Make a clip's file, and store it."""
    making.make_clip(clip_id=UUID(clip_id))


@shared_task(name="streams.erase_clip")
def erase_clip(clip_id: str) -> None:
    """Remove what is left of a deleted clip."""
    making.erase_clip(clip_id=UUID(clip_id))


@shared_task(name="streams.sweep_recordings")
def sweep_recordings() -> None:
    """Have recordings taken on that something is to be done for, and clips made."""
    with deadline(_SWEEP_S):
        sweeps.sweep_recordings()
        sweeps.sweep_clips()


@shared_task(name="streams.call_for_erasing")
def call_for_erasing() -> None:
    """Have removed what is left of deleted recordings and clips."""
    with deadline(_SWEEP_S):
        sweeps.call_for_erasing()
