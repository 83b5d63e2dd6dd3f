"""Where the pages find what belongs to recordings."""

from django import template
from django.conf import settings

from streams.recordings.links import poster_link
from streams.recordings.models import Recording

register = template.Library()


@register.filter
def poster_path(recording: Recording) -> str:
    """Return where a recording's poster is, of this origin; empty while there is none."""
    link = poster_link(recording)
    return f"{link.removeprefix(settings.PUBLIC_URL)}&play" if link else ""
