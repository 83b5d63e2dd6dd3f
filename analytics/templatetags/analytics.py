"""How figures are written in pages."""

from datetime import date

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from analytics.breakdowns import Grouping, WatchedRow
from streams.templatetags.dashboard import duration

register = template.Library()

_HOUR_S = 3600
_TWO_DIGITS_S = 9.95


@register.filter
def seconds_words(seconds: int) -> str:
    """Return a length of time as people say it: 41 s, 3 min 20 s, 2 h 07 min."""
    return duration(seconds * 1000)


@register.filter
def grouped(number: int) -> str:
    """Return a number in groups of three digits: 37,915."""
    return f"{number:,}"


@register.filter
def hours(seconds: int) -> str:
    """Return seconds in hours, for a chart: a point before the decimals, whatever the reader's language."""
    return f"{seconds / _HOUR_S:.4f}"


@register.filter
def plain_number(number: float) -> str:
    """Return a number without decimals that say nothing: 12, 1.5."""
    return f"{number:.2f}".rstrip("0").rstrip(".")


@register.filter
def brief(milliseconds: int) -> str:
    """Return a short time by its first two digits, which are what is known of it: 0.64 s, 3.1 s, 12 s."""
    seconds = milliseconds / 1000
    decimals = 2 if seconds < 1 else 1 if seconds < _TWO_DIGITS_S else 0
    return f"{seconds:.{decimals}f} s"


@register.filter
def watched_name(row: WatchedRow, by: Grouping) -> str:
    """Return what a row of a breakdown is called."""
    if by == Grouping.COUNTRY:
        return row.key or "Unknown"
    if by == Grouping.RENDITION:
        return "Sound alone" if row.key == "audio" else row.key
    if by == Grouping.DAY:
        return f"{date.fromisoformat(row.key):%-d %b %Y}"
    return row.name or row.key


@register.simple_tag
def day_range(first: date, last: date) -> str:
    """Return from which day to which."""
    return f"{first:%-d %b %Y} to {last:%-d %b %Y}" if first != last else f"{first:%-d %b %Y}"


@register.simple_tag
def share_bar(part: int, most: int) -> SafeString:
    """Draw how much of the most it is; the number stands beside it."""
    width = max(1, round(100 * part / most)) if part else 0
    return format_html(
        '<svg class="share" viewBox="0 0 100 3" preserveAspectRatio="none" aria-hidden="true">'
        '<rect width="{}" height="3" rx="1"/></svg>',
        width,
    )
