"""Whose pages may have a livestream's player in a frame."""

from django.http import HttpResponse

from streams.livestreams.models import Livestream
from streams.livestreams.playback_settings import check_origin
from streams.media.viewer_tokens import PlaybackRefusedError, open_token

_ALL = ["*"]


def allow_frames(response: HttpResponse, livestream: Livestream, *, token: str = "") -> HttpResponse:
    """Let browsers show the page in frames of those who may embed the livestream; of everybody, where nothing is said.

    Without a header of another kind: there is none that names several pages.
    """
    return _allow(response, _origins_of(livestream, token))


def allow_all_frames(response: HttpResponse) -> HttpResponse:
    """Let browsers show in any frame that there is nothing to play; else they would say there that the page refuses."""
    return _allow(response, _ALL)


def _allow(response: HttpResponse, origins: list[str]) -> HttpResponse:
    response._csp_replace = {"frame-ancestors": origins}  # type: ignore[attr-defined]  # Of django-csp's middleware.
    return response


def _origins_of(livestream: Livestream, token: str) -> list[str]:
    allowed = livestream.allowed_origins or _ALL
    try:
        # Not checked: whoever makes one up narrows what they may do, and plays nothing with it.
        origin = open_token(token).origin if token else ""
        origin = check_origin(origin) if origin else ""
    except (PlaybackRefusedError, ValueError):
        return allowed
    if not origin:
        return allowed
    return [origin] if allowed == _ALL or origin in allowed else ["'none'"]
