"""What a site asks when somebody pastes a link into it: the code of the player, by the oEmbed specification.

Source: https://oembed.com, sections 2.2 to 2.3.
"""

from urllib.parse import SplitResult, parse_qsl, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import Resolver404, resolve
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from livehub.core.errors import NotFoundError
from streams.livestreams.embed_views import KEPT_S
from streams.livestreams.embedding import AUDIO_HEIGHT, PlayerOptions, embed_code
from streams.livestreams.models import Livestream
from streams.livestreams.selectors import find_played_session, get_played_livestream

# What is shown to whoever names no limits.
_WIDTH, _HEIGHT = 960, 540
# As high as ffmpeg makes it, whatever it shows.
_THUMBNAIL_HEIGHT = 360


@require_safe
@cache_control(public=True, max_age=KEPT_S)
def oembed(request: HttpRequest) -> HttpResponse:
    """Tell how the page at `url` is put into another one, within `maxwidth` and `maxheight` pixels."""
    if request.GET.get("format", "json") != "json":
        return _refuse(501, "Ask for JSON: nothing else is told here.")
    try:
        url, most = urlsplit(request.GET.get("url", "")), (_limit(request, "maxwidth"), _limit(request, "maxheight"))
    except ValueError:
        return _refuse(400, "Give url as an address, and maxwidth and maxheight as pixels.")
    try:
        livestream = _livestream_at(url)
    except NotFoundError as error:
        return _refuse(404, error.message)
    if livestream.is_signed:
        return _refuse(401, "It is for invited viewers: put its player there with a token of your own.")
    return _for_everybody(JsonResponse(_answer(livestream, PlayerOptions.of(dict(parse_qsl(url.query))), most)))


def _livestream_at(url: SplitResult) -> Livestream:
    """Return what is played at one of our addresses.

    :raises NotFoundError: when it is none of them.
    """
    ours = urlsplit(settings.PUBLIC_URL)
    try:
        match = resolve(url.path)
    except Resolver404 as error:
        raise NotFoundError(f"Nothing is played at {url.geturl()}.") from error
    if url.netloc != ours.netloc or match.view_name not in {"streams:watch", "streams:embed"}:
        raise NotFoundError(f"Nothing is played at {url.geturl()}.")
    return get_played_livestream(match.kwargs["playback_id"])


def _answer(livestream: Livestream, options: PlayerOptions, most: tuple[int | None, int | None]) -> dict[str, object]:
    width, height = _fitted(most, is_audio_only=options.is_audio_only)
    return {
        "version": "1.0",
        "type": "video",
        "title": str(livestream),
        "provider_name": "LiveHub",
        "provider_url": settings.PUBLIC_URL,
        "cache_age": KEPT_S,
        "html": embed_code(livestream, options, size=(width, height)),
        "width": width,
        "height": height,
        **_thumbnail(livestream),
    }


def _fitted(most: tuple[int | None, int | None], *, is_audio_only: bool) -> tuple[int, int]:
    """Return the largest size within the limits: a picture keeps its proportion."""
    width, height = min(most[0] or _WIDTH, 10 * _WIDTH), most[1] or 10 * _HEIGHT
    if is_audio_only:
        return width, min(height, AUDIO_HEIGHT)
    width = min(width, height * _WIDTH // _HEIGHT)
    return max(width, 1), max(width * _HEIGHT // _WIDTH, 1)


def _thumbnail(livestream: Livestream) -> dict[str, object]:
    """Return what is told of the picture, which has to be its size as well: nothing while that is not known."""
    session = find_played_session(livestream)
    source = session.source if session is not None else {}
    if not source.get("width") or not source.get("height"):
        return {}
    width = round(_THUMBNAIL_HEIGHT * source["width"] / source["height"] / 2) * 2
    return {
        "thumbnail_url": livestream.thumbnail_url,
        "thumbnail_width": width,
        "thumbnail_height": _THUMBNAIL_HEIGHT,
    }


def _limit(request: HttpRequest, name: str) -> int | None:
    """Return a limit in pixels; None when it is not given.

    :raises ValueError: when it is no number above 0.
    """
    text = request.GET.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and int(text) > 0):
        raise ValueError(name)
    return int(text)


def _refuse(status: int, message: str) -> HttpResponse:
    return _for_everybody(JsonResponse({"error": message}, status=status))


def _for_everybody(response: HttpResponse) -> HttpResponse:
    # What it tells is public, and nothing that a browser keeps for us changes it.
    response["Access-Control-Allow-Origin"] = "*"
    return response
