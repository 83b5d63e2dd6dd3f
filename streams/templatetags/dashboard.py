"""Words, icons and times of the dashboard's pages."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django import template
from django.forms import BoundField
from django.template import Context
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from livehub.core import clock
from livehub.core.lengths import length_words as words_of_length
from streams.livestreams import addresses
from streams.livestreams.models import Livestream, Session
from streams.livestreams.playback_tokens import own_token
from streams.livestreams.selectors import LivestreamFilter, LivestreamList
from streams.livestreams.selectors.overview import Overview
from streams.livestreams.states import DISABLED, LIVESTREAM_STATES
from streams.organizations.models import Member
from streams.recordings.clips.links import watch_url
from streams.recordings.models import Clip

register = template.Library()

# Ways of writing a time of what goes on.
_LASTING = frozenset({"since", "length"})
# Of a thousand hours the minutes tell nobody anything.
_MINUTES_SAID_BELOW_S = 1000 * 3600
_SPRITE = "vendor/lucide-static@1.62.0/sprite.svg"
_CODECS = {"h264": "H.264", "hevc": "HEVC", "aac": "AAC", "mp3": "MP3", "av1": "AV1", "opus": "Opus", "vp9": "VP9"}


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw an icon of the sprite; it says nothing to a screen reader, so text must stand beside it."""
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', static(_SPRITE), name)


@register.inclusion_tag("streams/_nav_link.html", takes_context=True)
def nav_link(context: Context, url_name: str, *, icon: str, label: str) -> dict[str, str]:
    """Link a main page; it is the current one, or the present page is somewhere below it."""
    url, path = reverse(url_name), context["request"].path
    is_below = url != "/" and path.startswith(f"{url}/")
    current = "page" if path == url else "true" if is_below else ""
    return {"url": url, "icon": icon, "label": label, "current": current}


@register.filter
def control(field: BoundField) -> SafeString:
    """Draw a form's field; the first that is not accepted has the focus, and else the one that the form says."""
    wrong = next((name for name in field.form.fields if name in field.form.errors), None)
    widget = field.as_widget(attrs={} if wrong is None else {"autofocus": field.name == wrong})
    return widget + remembered(field)


@register.filter
def remembered(field: BoundField) -> SafeString:
    """Return what a field that is drawn piece by piece sends back of what it showed; see `ChangeForm`."""
    return field.as_hidden(only_initial=True) if field.field.show_hidden_initial else SafeString("")


@register.simple_tag
def moment(at: datetime | None, mode: str = "ago") -> SafeString:
    """Write a time that the browser makes relative ("ago"), or into a duration that goes on ("since") or ends ("left").

    What stands here is exact, and all there is without JavaScript.
    """
    if at is None:
        return SafeString('<span class="muted">never</span>')
    at = at.astimezone(tz=UTC)
    time = f"{at:%H:%M:%S}" if mode in {"precise", "left"} else f"{at:%H:%M}"
    before = "since " if mode in _LASTING else "until " if mode == "left" else ""
    text = f"{before}{at:%-d %b %Y}, {time} UTC"
    return format_html('<time datetime="{}" data-time="{}">{}</time>', clock.isoformat(at), mode, text)


@register.simple_tag
def clock_time(at: datetime) -> SafeString:
    """Write a time of day to the second; the browser makes it its own zone's."""
    at = at.astimezone(tz=UTC)
    return format_html('<time datetime="{}" data-time="clock">{}</time>', clock.isoformat(at), f"{at:%H:%M:%S}")


@register.filter
def watching(overview: Overview, session: Session) -> int | None:
    """Return how many watch a session on air at the moment; None while nobody knows."""
    viewers = overview.viewers.get(session.pk)
    return viewers.now if viewers else None


@register.filter
def duration(milliseconds: int) -> str:
    """Return a length of time as people say it: 41 s, 3 min 20 s, 2 h 07 min, 2,465 h."""
    seconds = milliseconds // 1000
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    if seconds < _MINUTES_SAID_BELOW_S:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
    return f"{seconds // 3600:,} h"


@register.filter
def clip_link(clip: Clip) -> str:
    """Return where whoever has the link watches a clip."""
    return watch_url(clip.pk)


@register.filter
def length_words(seconds: int) -> str:
    """Return a length of time as people choose it: 30 minutes, 1 hour."""
    return words_of_length(seconds)


@register.filter
def playback_for_member(livestream: Livestream, member: Member) -> str:
    """Return where our own pages play it; they need no link to what only some may watch."""
    return addresses.multivariant_path(livestream.playback_id, token=_token_for(livestream, member))


@register.filter
def thumbnail_for_member(livestream: Livestream, member: Member) -> str:
    """Return where our own pages find its newest picture."""
    return addresses.thumbnail_path(livestream.playback_id, token=_token_for(livestream, member))


@register.filter
def preview_for_member(livestream: Livestream, member: Member) -> str:
    """Return where our own pages find its last pictures, animated."""
    return addresses.preview_path(livestream.playback_id, token=_token_for(livestream, member))


def _token_for(livestream: Livestream, member: Member) -> str:
    return own_token(livestream.playback_id, member=member) if livestream.is_signed else ""


@register.filter
def short_time(milliseconds: float) -> str:
    """Return a time that is hardly one: 4 ms, 350 ms, 1.2 s."""
    if milliseconds < 1000:
        return f"{max(1, round(milliseconds))} ms"
    return f"{compact(milliseconds / 1000)} s"


@register.filter
def codec(name: str) -> str:
    """Return a codec's name as its makers write it."""
    return _CODECS.get(name, name.upper())


@register.filter
def software(announced: str) -> str:
    """Return an encoder's name out of what it announces, which for RTMP is mostly a disguise as Flash's encoder.

    The ingest server cuts the announcement short, so the closing bracket may be missing.
    """
    name = announced.partition("(compatible; ")[2].rstrip(")") or announced
    return f"ffmpeg ({name})" if name.startswith("Lavf") else name or "Unknown software"


@register.filter
def video_words(source: Mapping[str, Any]) -> str:
    """Describe the picture that an encoder sends: H.264 High, 1280x720."""
    size = f", {source['width']}\u00d7{source.get('height', '')}" if source.get("width") else ""
    return f"{codec(source['video_codec'])} {source.get('profile') or ''}".rstrip() + size


@register.filter
def audio_words(source: Mapping[str, Any]) -> str:
    """Describe the sound that an encoder sends: AAC, stereo, 48 kHz."""
    facts = [
        codec(source.get("audio_codec") or ""),
        channels(source["audio_channels"]) if source.get("audio_channels") else "",
        khz(source["sample_rate"]) if source.get("sample_rate") else "",
    ]
    return ", ".join(filter(None, facts)) or "none"


@register.filter
def rendition_words(rendition: Mapping[str, Any]) -> str:
    """Describe what viewers get: 720p, as sent; 480p, 1.2 Mbit/s; Audio 128 kbit/s."""
    if rendition.get("kind") == "audio":
        return f"Audio {bitrate(rendition['audio_kbps'])}" if rendition.get("audio_kbps") else "Audio"
    name = f"{rendition['height']}p" if rendition.get("height") else str(rendition.get("name", ""))
    if rendition.get("kind") == "copy":
        return f"{name}, as sent"
    return f"{name}, {bitrate(rendition['video_kbps'])}" if rendition.get("video_kbps") else name


@register.filter
def channels(count: int) -> str:
    return {1: "mono", 2: "stereo"}.get(count, f"{count} channels")


@register.filter
def bitrate(kbps: float) -> str:
    """Return kbit/s in the unit that people read."""
    return f"{kbps / 1000:.1f} Mbit/s" if kbps >= 1000 else f"{kbps:.0f} kbit/s"


@register.filter
def compact(number: float) -> str:
    """Return a number with at most two decimals and no trailing zero: 29.97, 30, 2.5."""
    return f"{number:.2f}".rstrip("0").rstrip(".")


@dataclass(frozen=True)
class Tab:
    """A way to narrow the list of livestreams."""

    label: str
    count: int
    query: str
    is_current: bool


@register.filter
def status_tabs(found: LivestreamList) -> list[Tab]:
    """Return the list's tabs, all livestreams first: a status each, with how many there are; a search stays."""
    labels = {"": "All"} | {shown.value: shown.label for shown in (*LIVESTREAM_STATES.values(), DISABLED)}
    wanted = found.wanted
    return [
        Tab(label, found.counts[value], list_url(replace(wanted, shown_as=value)), value == wanted.shown_as)
        for value, label in labels.items()
    ]


@register.simple_tag
def list_url(wanted: LivestreamFilter, page: int = 1) -> str:
    """Return the query string of the livestream list on another page; empty for the plain list."""
    given = {
        "q": wanted.search,
        "status": wanted.shown_as,
        "sort": wanted.order.value,
        "page": page if page > 1 else "",
    }
    pairs = {name: value for name, value in given.items() if value}
    return f"?{urlencode(pairs)}" if pairs else ""


@register.filter
def khz(hertz: int) -> str:
    return f"{compact(hertz / 1000)} kHz"
