"""What happened during a broadcast, as stretches of its curve."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from streams.livestreams.states import EventKind, SessionStatus
from streams.models import Session, SessionEvent


@dataclass(frozen=True)
class Band:
    """A stretch of the broadcast that was not as it should be; without an end it goes on, a moment has no length."""

    label: str
    began_at: datetime
    ended_at: datetime | None


class _Track(Enum):
    """What can go on beside one another; of each track there is one stretch at a time."""

    STATUS = "what viewers see in place of the encoder"
    ENCODER = "an encoder that is connected and sends nothing"
    RUN = "the server's own fault"


# What viewers saw in place of the encoder, from when a session became that until it became something else.
_STATES = {SessionStatus.RECONNECTING: "Encoder away", SessionStatus.STANDBY: "Before the encoder"}
_BEGINS = {
    EventKind.SILENT: (_Track.ENCODER, "Encoder silent"),
    EventKind.RUN_FAILED: (_Track.RUN, "Interrupted"),
    EventKind.RUN_LOST: (_Track.RUN, "Interrupted"),
}
_ENDS = {EventKind.SENDS_AGAIN: _Track.ENCODER, EventKind.RESUMED: _Track.RUN}
_MOMENTS = {EventKind.REPLACED: "Encoder replaced"}
_KINDS = [EventKind.STATUS, *_BEGINS, *_ENDS, *_MOMENTS]


def bands_of(session: Session) -> list[Band]:
    """Return its stretches in the order in which they began, which end with it at the latest; one query."""
    changes = SessionEvent.objects.filter(session=session, kind__in=_KINDS).order_by("id")
    bands: list[Band] = []
    open_ones: dict[_Track, tuple[str, datetime]] = {}

    def end(track: _Track, at: datetime | None) -> None:
        if track in open_ones:
            bands.append(Band(*open_ones.pop(track), at))

    for kind, at, data in changes.values_list("kind", "at", "data"):
        if kind in _MOMENTS:
            bands.append(Band(_MOMENTS[EventKind(kind)], at, at))
        elif kind in _BEGINS:
            track, label = _BEGINS[EventKind(kind)]
            open_ones.setdefault(track, (label, at))
        elif kind in _ENDS:
            end(_ENDS[EventKind(kind)], at)
        else:
            # One that is away, or back, is not silent any more.
            end(_Track.STATUS, at)
            end(_Track.ENCODER, at)
            if shown := _STATES.get(data.get("new")):
                open_ones[_Track.STATUS] = (shown, at)
    for track in list(open_ones):
        end(track, session.stopped_at)
    return sorted(bands, key=lambda band: band.began_at)
