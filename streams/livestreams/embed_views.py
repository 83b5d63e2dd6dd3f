"""What anybody may see of a livestream: its player, on a page to watch, and alone for anybody's frame.

They tell nothing but what the playback URL does, and find out by themselves what is on.
"""

import re
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_safe

from livehub.core.errors import NotFoundError
from streams.livestreams import addresses
from streams.livestreams.embedding import PlayerOptions, embed_code, oembed_url
from streams.livestreams.framing import allow_all_frames, allow_frames
from streams.livestreams.models import Livestream
from streams.livestreams.pages import with_player_styles
from streams.livestreams.selectors import get_played_livestream

# How long a page may go on being handed out for a livestream that is gone by now.
KEPT_S = 60
# Three parts of base64url, and no longer than any that we make. Whether it opens something is for the edge to say.
_TOKEN = re.compile(r"[\w-]{1,1024}(\.[\w-]{1,1024}){2}", re.ASCII)


@dataclass(frozen=True)
class PublicPlayer:
    """A player as its page's URL asks for it."""

    livestream: Livestream
    options: PlayerOptions
    # What opens a signed livestream; empty for none.
    token: str

    @classmethod
    def of(cls, request: HttpRequest, playback_id: str) -> "PublicPlayer":
        """Read the URL of a request.

        :raises NotFoundError: when nothing is played under this id.
        """
        livestream = get_played_livestream(playback_id)
        token = request.GET.get("token", "")
        return cls(livestream, PlayerOptions.of(request.GET), token if _TOKEN.fullmatch(token) else "")

    @property
    def is_closed(self) -> bool:
        """Nothing can be played by this URL, and nothing is told by it either."""
        return self.livestream.is_signed and not self.token

    @property
    def is_public(self) -> bool:
        return not self.livestream.is_signed

    @property
    def playback_path(self) -> str:
        return addresses.multivariant_path(self.livestream.playback_id, token=self.token)


@require_safe
@xframe_options_exempt
@cache_control(public=True, max_age=KEPT_S)
@with_player_styles  # type: ignore[arg-type]  # Typed for views without arguments.
def embedded_player(request: HttpRequest, playback_id: str) -> HttpResponse:
    """Show the player alone; `PlayerOptions` tells what its URL may ask for."""
    try:
        player = PublicPlayer.of(request, playback_id)
    except NotFoundError:
        return allow_all_frames(_show_nothing())
    response = _show("streams/embed.html", {"player": player})
    return allow_frames(response, player.livestream, token=request.GET.get("token", ""))


@require_safe
@cache_control(public=True, max_age=KEPT_S)
@with_player_styles  # type: ignore[arg-type]  # Typed for views without arguments.
def watch_page(request: HttpRequest, playback_id: str) -> HttpResponse:
    """Show the player with the livestream's name, and how to pass it on."""
    try:
        player = PublicPlayer.of(request, playback_id)
    except NotFoundError:
        return _show_nothing()
    livestream = player.livestream
    facts = {"embed_code": embed_code(livestream), "oembed_url": oembed_url(livestream)}
    return _show("streams/watch.html", {"player": player, **facts})


def _show_nothing() -> HttpResponse:
    """Tell viewers, who have no overview to go to, that their link leads nowhere."""
    return _show("streams/nothing_played.html", {}, status=404)


def _show(template: str, context: dict[str, object], *, status: int = 200) -> HttpResponse:
    # Without the request: nothing of whoever looks is in it.
    response = render(None, template, context, status=status)
    # The page's address may hold a token.
    response["Referrer-Policy"] = "no-referrer"
    return response
