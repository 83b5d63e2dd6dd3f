"""What has to be looked for: sessions that everybody has left."""

import logging

from livehub.core import clock
from livehub.core.deadline import deadline
from livehub.core.outage import DATABASE_OUTAGE, describe
from streams.meetings import lifecycle
from streams.meetings.models import MeetingSession

logger = logging.getLogger(__name__)

# The rest comes with the next sweep.
_AT_ONCE = 200
# The other sessions wait meanwhile.
_LOCK_TIMEOUT_S = 0.5


def end_empty_sessions() -> None:
    """End sessions in which nobody has been for as long as their meetings keep them alive.

    One that cannot be ended now (its meeting is locked) is left to the next sweep, and keeps nobody else waiting.
    """
    empty = MeetingSession.objects.live().filter(ends_at__lte=clock.now()).order_by("ends_at")
    for session in empty[:_AT_ONCE]:
        try:
            with deadline(_LOCK_TIMEOUT_S):
                lifecycle.end_if_abandoned(session=session)
        except DATABASE_OUTAGE as error:
            logger.warning("meeting session not ended yet session=%s %s", session.pk, describe(error))
