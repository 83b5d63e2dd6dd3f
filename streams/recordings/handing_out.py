"""What all files have in common that are handed out: where they lie, and what is said where there are none."""

import logging
from collections.abc import Callable
from functools import wraps
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase

from livehub.core.errors import DomainError, NotFoundError
from livehub.core.links import LinkUnusableError
from streams.media.recording.movie import MovieError
from streams.recordings.models import Clip, Recording
from streams.recordings.ranges import NoRoomError
from streams.recordings.stores.base import StoreError

logger = logging.getLogger(__name__)

# As the edge knows the folder of this node (`livehub/stack/edge.py`); nobody outside can ask for it.
_INTERNAL_PATH = "/recording-files/"
_UNAVAILABLE, _AGAIN_S = 503, "10"
_SENT = "sent"
_View = Callable[..., HttpResponseBase]


class UnreachableNodeError(DomainError):
    """Another machine has it, and this one does not know how that is reached."""

    code = "node_unreachable"
    http_status = _UNAVAILABLE


def in_words(view: _View) -> _View:
    """Answer in a sentence where there is nothing to hand out, or where its storage does not do its part."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except (LinkUnusableError, NoRoomError, NotFoundError, UnreachableNodeError) as error:
            return said(error.message, status=error.http_status)
        except MovieError as error:
            return said(str(error), status=404)
        except StoreError as error:
            logger.warning("file not handed out path=%s code=%s: %s", request.path, error.code, error.reason)
            return said(error.reason, status=404 if error.code == "object_missing" else _UNAVAILABLE)

    return wrapper


def said(sentence: str, *, status: int, again_s: str = _AGAIN_S) -> HttpResponse:
    """Answer in a sentence, and say in how many seconds to ask again where that may help."""
    response = HttpResponse(sentence, status=status, content_type="text/plain; charset=utf-8")
    if status == _UNAVAILABLE:
        response["Retry-After"] = again_s
    return response


def is_elsewhere(stored: Recording | Clip) -> bool:
    """Tell whether it is kept in the folder of another machine."""
    return stored.storage_id is None and stored.node != settings.NODE


def sent_to_its_node(request: HttpRequest, stored: Recording | Clip, *, path: str = "") -> HttpResponse:
    """Send whoever asks to the machine whose folder has it; `path` is where it is there, if that is not the same.

    :raises UnreachableNodeError: when nobody knows how that is reached.
    """
    url = settings.NODE_URLS.get(stored.node)
    # One that is sent here again would be for ever: that machine has another name than this setting says.
    if url is None or _SENT in request.GET:
        raise UnreachableNodeError(
            f"This is in the folder of the machine {stored.node}, and here is {settings.NODE}. Have whoever runs "
            f"LiveHub tell this one where that machine is reached."
        )
    query = request.GET.copy()
    query[_SENT] = "1"
    answer = HttpResponseRedirect(f"{url}{path or quote(request.path)}?{query.urlencode()}")
    answer["Cache-Control"] = "no-store"
    return answer


def handed_over(object_name: str, *, content_type: str) -> HttpResponse:
    """Have the edge answer with a file of this machine's folder."""
    response = HttpResponse(content_type=content_type)
    response["X-Accel-Redirect"] = _INTERNAL_PATH + quote(object_name)
    return response
