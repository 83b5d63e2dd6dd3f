"""The player in a page of its own, for anybody, in anybody's frame: it tells nothing but what the playback URL does."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_safe

from livehub.core.errors import NotFoundError
from streams.livestreams.framing import allow_frames
from streams.livestreams.pages import with_player_styles
from streams.livestreams.selectors import get_played_livestream

# How long a player may go on being handed out for a livestream that is gone by now.
_KEPT_S = 60


@require_safe
@xframe_options_exempt
@cache_control(public=True, max_age=_KEPT_S)
@with_player_styles  # type: ignore[arg-type]  # Typed for views without arguments.
def embedded_player(request: HttpRequest, playback_id: str) -> HttpResponse:
    """Show the player, or with `?audio_only=true` one for the sound alone; the page finds out what is on by itself."""
    try:
        livestream = get_played_livestream(playback_id)
    except NotFoundError as error:
        raise Http404(str(error)) from error
    is_audio_only = request.GET.get("audio_only", "").lower() in {"true", "1"}
    # Without the request: nothing of whoever looks is in it.
    response = render(None, "streams/embed.html", {"livestream": livestream, "is_audio_only": is_audio_only})
    return allow_frames(response, livestream, token=request.GET.get("token", ""))
