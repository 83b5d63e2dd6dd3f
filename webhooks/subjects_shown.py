"""What an event is about, as pages name it and lead there."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from streams.models import Clip, Livestream, Meeting, Recording
from webhooks.models import Endpoint, Event

# By `Event.subject_type`: where its page's address is, and whatever has such a page.
_PAGES: Mapping[str, tuple[str, "QuerySet[Any]"]] = {
    "livestream": ("streams", Livestream.objects.filter(deleted_at=None)),
    "recording": ("streams", Recording.objects.existing()),
    "clip": ("streams", Clip.objects.existing()),
    "meeting": ("streams", Meeting.objects.all()),
    "endpoint": ("webhooks", Endpoint.objects.existing()),
}


def subject_name(event: Event) -> str:
    """Return the name of the livestream, meeting or webhook, after that of a participant; empty where none has one."""
    about = event.facts.get(event.type.partition(".")[0], {})
    name = about.get("name") or about.get("title")
    return ", ".join(filter(None, [event.facts.get("participant", {}).get("name"), name]))


def subject_url(event: Event) -> str:
    """Return where it can be looked at; empty when it is deleted, or was made up."""
    kind = event.subject_type
    space, rows = _PAGES[kind]
    if event.is_test or not rows.filter(pk=event.subject_id).exists():
        return ""
    return reverse(f"{space}:{kind}_detail", kwargs={f"{kind}_id": event.subject_id})
