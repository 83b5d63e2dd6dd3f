"""The livestream of a meeting: a meeting has at most one that is active, and each start after a stop makes another."""

from typing import TypedDict

from django.db import transaction

from livehub.core.errors import NotFoundError
from streams.livestreams.models import Livestream
from streams.livestreams.services import create_livestream, stop_livestream
from streams.meetings.locks import lock_meeting
from streams.meetings.models import Meeting
from streams.meetings.selectors import find_active_livestream
from streams.organizations.quotas import QuotaExceededError
from streams.organizations.services import SYSTEM, Actor, record


class VideoConfig(TypedDict, total=False):
    """What picture the livestream is to have, in pixels."""

    width: int
    height: int


@transaction.atomic
def start_meeting_livestream(
    *, meeting: Meeting, name: str, actor: Actor, video_config: VideoConfig | None = None
) -> tuple[Livestream, bool]:
    """Return the meeting's active livestream, and whether it was made for that: however many ask at once, one is.

    :raises NotFoundError: when the meeting is gone.
    :raises ValidationFailedError: when the name cannot be used.
    :raises QuotaExceededError: when the organization has as many livestreams as it may.
    """
    meeting = lock_meeting(meeting.pk)
    active = find_active_livestream(meeting)
    if active is not None:
        return active, False
    made = create_livestream(
        app=meeting.app, name=name, actor=actor, meeting_id=meeting.pk, video_config=video_config or {}
    )
    return made, True


@transaction.atomic
def stop_meeting_livestream(*, meeting: Meeting, actor: Actor) -> Livestream:
    """Stop the meeting's active livestream for good, cut its encoder, and return it.

    :raises NotFoundError: when the meeting is gone, or has none.
    """
    meeting = lock_meeting(meeting.pk)
    active = find_active_livestream(meeting)
    if active is None:
        raise NotFoundError(f"No active livestream for meeting {meeting.pk}")
    return stop_livestream(livestream=active, actor=actor)


def start_with_session(meeting: Meeting) -> None:
    """Start the locked meeting's livestream because a session of it begins.

    A quota that is used up keeps nobody out of the meeting: the audit log says what happened.
    """
    try:
        start_meeting_livestream(meeting=meeting, name=meeting.title, actor=SYSTEM)
    except QuotaExceededError as refusal:
        organization = meeting.app.organization
        told = {"action": "meeting.livestream_refused", "reason": refusal.message}
        record(organization=organization, actor=SYSTEM, target=meeting, **told)


def stop_if_active(meeting: Meeting, *, actor: Actor) -> None:
    """Stop the locked meeting's livestream if it has one."""
    active = find_active_livestream(meeting)
    if active is not None:
        stop_livestream(livestream=active, actor=actor)
