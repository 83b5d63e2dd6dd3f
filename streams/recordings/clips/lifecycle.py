"""The life of a clip: every write of its status."""

from livehub.core import clock, events
from livehub.core.states import swap_status
from streams.organizations.services import SYSTEM, Actor
from streams.recordings.events import ClipStatusChanged
from streams.recordings.models import Clip
from streams.recordings.models.recording import PROBLEM_MAX_LENGTH
from streams.recordings.states import CLIP_MACHINE, ClipStatus


def began(clip: Clip, *, actor: Actor) -> None:
    """Tell of a clip that was just asked for."""
    events.publish(ClipStatusChanged.of(clip, at=clip.created_at, actor=actor))


def become_ready(clip: Clip) -> None:
    """Show that a locked clip's file is stored.

    :raises IllegalTransitionError: when it is not being made.
    """
    _change(clip, new=ClipStatus.READY, reason="", problem="", ready_at=clock.now())


def fail(clip: Clip, *, problem: str) -> None:
    """Give a locked clip up, with a sentence that says why: there is no file of it.

    :raises IllegalTransitionError: when it is not being made.
    """
    _change(clip, new=ClipStatus.FAILED, reason=problem, problem=problem[:PROBLEM_MAX_LENGTH])


def _change(clip: Clip, *, new: ClipStatus, reason: str, **changes: object) -> None:
    now = clock.now()
    swap_status(clip, machine=CLIP_MACHINE, new=new, updated_at=now, **changes)
    events.publish(ClipStatusChanged.of(clip, at=now, actor=SYSTEM, reason=reason))
