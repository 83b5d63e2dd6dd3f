"""What our own edge asks: whether somebody may play.

It answers on a private socket; the edge hands nobody's request on to it but its own. Its own configuration says what it
makes of the answers (`livehub.stack.edge_policy`).
"""

import logging
import time

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from livehub.core import clock
from livehub.core.deadline import deadline
from livehub.core.errors import NotFoundError
from livehub.core.outage import DATABASE_OUTAGE, describe
from streams.livestreams.permissions import PlaybackPermission, check_playback
from streams.livestreams.playback_tokens import PlaybackRefusedError

logger = logging.getLogger(__name__)

# The edge gives up after 1.5 s. Who waits is watching something.
_TIMEOUT_S = 0.8
# Once the database has not answered, nobody waits for it for so long.
_PAUSE_S = 2.0
# How long an answer holds, and how long after that it may be given once more while the next one is fetched. Together
# they are how long a viewer who is sent away may go on: 10 s are promised.
_HOLDS_S, _RENEWED_WITHIN_S = 4, 4
# The same of what everybody may play, where one answer serves all of them: nobody is sent away from it.
_RENEWED_BY_ALL_WITHIN_S = 60


class _Pause:
    """Until when this process does not ask the database."""

    until_s = 0.0


@require_safe
def permission(request: HttpRequest) -> HttpResponse:
    """Answer 204 for whoever may play, 401 for whoever may not, and 503 when that is not known."""
    if time.monotonic() < _Pause.until_s:
        return _unknown()
    try:
        with deadline(_TIMEOUT_S):
            permitted = check_playback(
                playback_id=request.headers.get("X-Playback-Id", ""),
                token=request.headers.get("X-Playback-Token", ""),
                origin=request.headers.get("Origin", ""),
            )
    except PlaybackRefusedError:
        return _refuse("refused")
    except NotFoundError:
        return _refuse("unknown")
    except DATABASE_OUTAGE as error:
        logger.warning("permissions not checked for %.0f s: %s", _PAUSE_S, describe(error))
        _Pause.until_s = time.monotonic() + _PAUSE_S
        return _unknown()
    headers = {"Cache-Control": _kept(permitted), "X-Playback": "permitted"}
    return HttpResponse(status=204, headers={**headers, **({"Vary": "Origin"} if permitted.depends_on_origin else {})})


def _refuse(why: str) -> HttpResponse:
    # It may be for the sake of the origin.
    headers = {"Cache-Control": f"max-age={_HOLDS_S}", "X-Playback": why, "Vary": "Origin"}
    response = HttpResponse(status=401, headers=headers)
    # Django would write a warning of each, and a player that is refused asks again and again.
    response._has_been_logged = True  # type: ignore[attr-defined]  # Of `django.utils.log`.
    return response


def _unknown() -> HttpResponse:
    return HttpResponse(status=503, headers={"Cache-Control": "no-store"})


def _kept(permitted: PlaybackPermission) -> str:
    """Return how long the edge may go by it. Source: RFC 5861."""
    holds_s, renewed_s = _HOLDS_S, _RENEWED_BY_ALL_WITHIN_S
    if permitted.expires_at is not None:
        left_s = int((permitted.expires_at - clock.now()).total_seconds())
        holds_s = max(1, min(_HOLDS_S, left_s))
        renewed_s = max(0, min(_RENEWED_WITHIN_S, left_s - holds_s))
    return f"max-age={holds_s}, stale-while-revalidate={renewed_s}"
