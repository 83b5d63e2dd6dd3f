"""The player on pages of others: what its address may ask for, and the code that puts it there."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.conf import settings
from django.utils.html import escape

from streams.livestreams.models import Livestream

# The controls alone.
AUDIO_HEIGHT = 64
_ALLOWED = "autoplay; fullscreen; picture-in-picture; encrypted-media"


@dataclass(frozen=True)
class PlayerOptions:
    """How an embedded player behaves; `of` reads what `query` writes."""

    is_audio_only: bool = False
    # It begins without being asked to, as far as the browser lets it.
    starts_alone: bool = True
    is_muted: bool = True

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "PlayerOptions":
        return cls(
            is_audio_only=_says_yes(query.get("audio_only", "false")),
            starts_alone=_says_yes(query.get("autoplay", "true")),
            is_muted=_says_yes(query.get("muted", "true")),
        )

    @property
    def begins_silent(self) -> bool:
        """No picture would tell that sound somebody has pressed play for is off."""
        return self.is_muted and (self.starts_alone or not self.is_audio_only)

    @property
    def query(self) -> str:
        """The query string with its question mark; empty for what is so anyway."""
        said = {
            **({"audio_only": "true"} if self.is_audio_only else {}),
            **({} if self.starts_alone else {"autoplay": "false"}),
            **({} if self.is_muted else {"muted": "false"}),
        }
        return f"?{urlencode(said)}" if said else ""


DEFAULT_OPTIONS = PlayerOptions()


def embed_code(
    livestream: Livestream, options: PlayerOptions = DEFAULT_OPTIONS, *, size: tuple[int, int] | None = None
) -> str:
    """Return the HTML of the frame; `size` is its width and height in pixels, None for as wide as there is room."""
    address, title = f"{livestream.embed_url}{options.query}", livestream.name or "Livestream"
    shape = _shape(options, size)
    # Plain text, which pages that show it escape once more.
    return f'<iframe src="{escape(address)}" title="{escape(title)}" {shape} allow="{_ALLOWED}"></iframe>'


def _shape(options: PlayerOptions, size: tuple[int, int] | None) -> str:
    if size is not None:
        return 'width="{}" height="{}" style="border:0"'.format(*size)
    proportion = f"height:{AUDIO_HEIGHT}px" if options.is_audio_only else "aspect-ratio:16/9"
    return f'style="width:100%;{proportion};border:0"'


def oembed_url(livestream: Livestream) -> str:
    """Return where programs ask for the code of the livestream's page."""
    return f"{settings.PUBLIC_URL}/oembed?{urlencode({'url': livestream.watch_url, 'format': 'json'})}"


def _says_yes(value: str) -> bool:
    return value.lower() in {"true", "1"}
