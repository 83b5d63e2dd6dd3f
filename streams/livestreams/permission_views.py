"""What a node's origin asks, so that it can tell its edge who may play.

It answers on a private socket; the edge hands nobody's request on to it. What the origin makes of the answers stands
in `streams.media.origin.permissions`.
"""

import json
import logging
from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from livehub.core.deadline import deadline
from livehub.core.outage import DATABASE_OUTAGE, describe
from streams.livestreams.audience import audience
from streams.livestreams.permissions import rules_of

logger = logging.getLogger(__name__)

# The origin gives up after 1 s. Who waits is watching something.
_TIMEOUT_S = 0.8
_View = Callable[[HttpRequest], HttpResponse]


def _answering_soon(view: _View) -> _View:
    """Answer 503 when the database does not answer."""

    @wraps(view)
    def wrapper(request: HttpRequest) -> HttpResponse:
        try:
            with deadline(_TIMEOUT_S):
                return view(request)
        except DATABASE_OUTAGE as error:
            logger.warning("who may play is not known: %s", describe(error))
            return HttpResponse(status=503)

    return wrapper


@require_safe
@_answering_soon
def playback_rules(request: HttpRequest) -> HttpResponse:
    """Answer with what holds for the viewers of these livestreams, by playback id."""
    found = rules_of(request.GET.getlist("playback_id"))
    return _said({playback_id: rules.as_json() for playback_id, rules in found.items()})


@csrf_exempt
@require_POST
def playback_places(request: HttpRequest) -> HttpResponse:
    """Answer which of these viewers have a place: a list of livestream, how many it has, and viewer."""
    wanted = [(str(playback_id), int(places), str(viewer_id)) for playback_id, places, viewer_id in _read(request)]
    return _said(audience().take_places(wanted))


def _read(request: HttpRequest) -> list[tuple[object, int, object]]:
    found: list[tuple[object, int, object]] = json.loads(request.body)
    return found


def _said(answer: object) -> HttpResponse:
    response = JsonResponse(answer, safe=False)
    # Else it would be sent in pieces, which the origin does not read.
    response["Content-Length"] = str(len(response.content))
    return response
