"""How a livestream's broadcasts begin, wait and end: what can be said of it."""

from typing import TypedDict

from livehub.core.errors import ValidationFailedError
from streams.livestreams.models import Livestream
from streams.livestreams.models.livestream import END_HOLD_MAX_S, RECONNECT_WINDOW_MAX_S
from streams.livestreams.states import DuplicatePublisher, WhileEncoderAway


class BroadcastSettings(TypedDict, total=False):
    """How long one waits for an encoder that dropped, what is seen meanwhile, what a second does, what an end means."""

    reconnect_window_s: int
    while_away: str
    duplicate_publisher: str
    end_hold_s: int
    # None for without end.
    max_runtime_s: int | None


BROADCAST_SETTINGS = BroadcastSettings.__annotations__.keys()


def set_broadcast(livestream: Livestream, changes: BroadcastSettings) -> list[str]:
    """Give a livestream these settings, not saved yet, and return the names of those that are others now.

    :raises ValidationFailedError: when one cannot be used; names all that cannot.
    """
    complaints = {
        "reconnect_window_s": _number_complaint(changes.get("reconnect_window_s", 0), most=RECONNECT_WINDOW_MAX_S),
        "end_hold_s": _number_complaint(changes.get("end_hold_s", 0), most=END_HOLD_MAX_S),
        "duplicate_publisher": _choice_complaint(
            changes.get("duplicate_publisher", DuplicatePublisher.REJECT), choices=DuplicatePublisher.values
        ),
        "while_away": _choice_complaint(
            changes.get("while_away", WhileEncoderAway.SLATE), choices=WhileEncoderAway.values
        ),
    }
    fields = {name: [complaint] for name, complaint in complaints.items() if complaint}
    if fields:
        raise ValidationFailedError("The settings of broadcasts cannot be used.", fields=fields)
    changed = [name for name, value in changes.items() if getattr(livestream, name) != value]
    for name in changed:
        setattr(livestream, name, changes[name])  # type: ignore[literal-required]  # A name of it.
    return changed


def _number_complaint(value: int, *, most: int) -> str:
    return "" if 0 <= value <= most else f"Choose a number of seconds from 0 to {most}."


def _choice_complaint(value: str, *, choices: list[str]) -> str:
    return "" if value in choices else f"Choose from {', '.join(choices)}."
