"""The names that an endpoint can listen for, and what each of them is."""

from dataclasses import dataclass

from django.db import models


class Family(models.TextChoices):
    """Whose word it is; the label heads its names on a page."""

    LIVEHUB = "livehub", "LiveHub"
    VENDORS = "vendors", "Dyte v2 and RealtimeKit"
    LIVEAPI = "liveapi", "LiveAPI"


@dataclass(frozen=True)
class EventName:
    """What an endpoint can listen for.

    `type` is the type of the events that go out under it. Nothing happens yet that one of those which are not
    `is_emitted` tells of: an endpoint may listen for it, as it may at the vendors.
    """

    name: str
    family: Family
    # A sentence for people.
    summary: str
    types: tuple[str, ...]
    is_emitted: bool = True


def _livehub(name: str, summary: str, *, is_emitted: bool = True) -> EventName:
    return EventName(name, Family.LIVEHUB, summary, (name,), is_emitted)


def _vendors(name: str, summary: str, *types: str, is_emitted: bool = True) -> EventName:
    return EventName(name, Family.VENDORS, summary, types or (name,), is_emitted)


def _liveapi(name: str, summary: str, *types: str, is_emitted: bool = True) -> EventName:
    return EventName(name, Family.LIVEAPI, summary, types or (name,), is_emitted)


# In the order in which people are offered them.
_ALL = (
    _livehub("livestream.created", "A livestream was created."),
    _livehub("livestream.updated", "Its name, key, limits or whether it takes an encoder changed."),
    _livehub("livestream.deleted", "A livestream was deleted."),
    _livehub("livestream.connected", "An encoder connected."),
    _livehub("livestream.standby", "Viewers see the slate, and the encoder is waited for."),
    _livehub("livestream.live", "Viewers can watch."),
    _livehub("livestream.reconnecting", "The encoder dropped, and is waited for."),
    _livehub("livestream.ended", "The broadcast is over."),
    _livehub("livestream.errored", "The broadcast failed."),
    _livehub("livestream.health_changed", "What the encoder sends got better or worse."),
    _livehub("livestream.simulcast_added", "A simulcast was added."),
    _livehub("livestream.simulcast_removed", "A simulcast was removed."),
    _livehub("livestream.simulcast_connected", "Another platform takes the broadcast."),
    _livehub("livestream.simulcast_disconnected", "Another platform takes it no more."),
    _livehub("recording.invoked", "A recording was asked for."),
    _livehub("recording.started", "A recording takes what is broadcast, for the first time or after a pause."),
    _livehub("recording.paused", "A recording leaves out what is broadcast."),
    _livehub("recording.stopped", "A recording takes nothing more, and is being stored."),
    _livehub("recording.stored", "A recording is stored as a whole, and was looked through."),
    _livehub("recording.failed", "There is no file of a recording."),
    _livehub("recording.deleted", "A recording was deleted."),
    _livehub("clip.created", "A clip was asked for; mostly it can be played already."),
    _livehub("clip.ready", "A clip's MP4 is stored."),
    _livehub("clip.failed", "There is no file of a clip."),
    _livehub("clip.deleted", "A clip was deleted."),
    _livehub("endpoint.disabled", "LiveHub stopped sending to an endpoint of this app."),
    _vendors("livestreaming.statusUpdate", "A livestream went live, or offline.",
             "livestream.live", "livestream.ended", "livestream.errored"),
    _vendors("meeting.started", "The first participant joined a meeting."),
    _vendors("meeting.ended", "A meeting's session is over."),
    _vendors("meeting.participantJoined", "Somebody joined a meeting."),
    _vendors("meeting.participantLeft", "Somebody left a meeting."),
    _vendors("meeting.chatSynced", "A meeting's chat can be downloaded.", is_emitted=False),
    _vendors("meeting.transcript", "A meeting's transcript can be downloaded.", is_emitted=False),
    _vendors("meeting.summary", "A meeting's summary can be downloaded.", is_emitted=False),
    _vendors("recording.statusUpdate", "A recording began, paused, was stored or failed.",
             "recording.invoked", "recording.started", "recording.paused", "recording.stopped", "recording.stored",
             "recording.failed"),
    _liveapi("stream-created", "A livestream was created.", "livestream.created"),
    _liveapi("stream-connected", "An encoder connected.", "livestream.connected"),
    _liveapi("stream-disconnected", "The broadcast is over.", "livestream.ended", "livestream.errored"),
    _liveapi("stream-status-toggle", "A livestream was enabled or disabled.", "livestream.updated"),
    _liveapi("stream-removed", "A livestream was deleted.", "livestream.deleted"),
    _liveapi("stream-platform-added", "A platform was added.", "livestream.simulcast_added"),
    _liveapi("stream-platform-removed", "A platform was removed.", "livestream.simulcast_removed"),
    _liveapi("stream-platform-connected", "A platform takes the broadcast.",
             "livestream.simulcast_connected"),
    _liveapi("stream-platform-disconnected", "A platform takes it no more.",
             "livestream.simulcast_disconnected"),
    _liveapi("recording-exported", "A recording was exported.", "recording.stored"),
    _liveapi("video-created", "A video was created: a recording is stored.", "recording.stored"),
    _liveapi("video-ready", "A video can be played.", "recording.stored"),
    _liveapi("video-downloaded", "A video was fetched.", is_emitted=False),
    _liveapi("video-removed", "A video was removed.", "recording.deleted"),
)  # fmt: skip
EVENT_NAMES = {found.name: found for found in _ALL}


def names_of(event_type: str) -> list[str]:
    """Return the names that events of this type go out under."""
    return _NAMES_OF.get(event_type, [])


def _by_type() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for event_name in _ALL:
        for event_type in event_name.types:
            found.setdefault(event_type, []).append(event_name.name)
    return found


_NAMES_OF = _by_type()
