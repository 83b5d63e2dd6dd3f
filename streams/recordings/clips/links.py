"""Where a clip is watched, played and fetched: by whoever knows its id, which nobody guesses."""

from uuid import UUID

from django.conf import settings
from django.urls import reverse

from streams.recordings.clips.layout import FILE, INDEX
from streams.recordings.models import Clip


def watch_url(clip_id: UUID) -> str:
    """Return the page that shows it to anybody."""
    return settings.PUBLIC_URL + reverse("streams:clip_detail", args=[clip_id])


def file_path(clip: Clip) -> str:
    """Return where its file is played from, on this site, as soon as it is laid out."""
    return _path(clip, FILE)


def playback_url(clip: Clip) -> str | None:
    """Return where players find its playlist; None before it is laid out, and where there is no file of it."""
    return settings.PUBLIC_URL + _path(clip, INDEX) if clip.is_playable else None


def download_url(clip: Clip) -> str | None:
    """Return where its file is saved from; None until it is ready."""
    return f"{settings.PUBLIC_URL}{file_path(clip)}?download" if clip.is_ready else None


def _path(clip: Clip, name: str) -> str:
    return reverse("streams:clip_media", kwargs={"clip_id": clip.pk, "name": name})
