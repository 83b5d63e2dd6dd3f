"""How a livestream is played and by whom: what can be said of it, and what goes together."""

import re
from collections.abc import Sequence
from typing import TypedDict, cast

from livehub.core.errors import ValidationFailedError
from streams.livestreams.models import Livestream
from streams.livestreams.models.livestream import DVR_WINDOW_MAX_S, ORIGIN_MAX_LENGTH
from streams.livestreams.playback_keys import ensure_key
from streams.livestreams.states import LatencyMode, PlaybackPolicy

ORIGINS_MAX = 50
VIEWERS_MAX = 1_000_000
# As browsers send it in lower case. Source: RFC 6454, 6.2.
_ORIGIN = re.compile(r"https?://([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class PlaybackSettings(TypedDict, total=False):
    """How players follow it, and who may."""

    latency_mode: str
    dvr_window_s: int
    playback_policy: str
    allowed_origins: list[str]
    max_viewers: int | None


PLAYBACK_SETTINGS = PlaybackSettings.__annotations__.keys()


def set_playback(livestream: Livestream, changes: PlaybackSettings) -> list[str]:
    """Give a livestream these settings, not saved yet, and return the names of those that are others now.

    One that only some may play has a key to make tokens with.

    :raises ValidationFailedError: when one cannot be used, or they do not go together; names all that cannot.
    """
    changes = _checked(changes)
    changed = [name for name, value in changes.items() if getattr(livestream, name) != value]
    for name in changed:
        setattr(livestream, name, changes[name])  # type: ignore[literal-required]  # A name of it.
    _check_together(livestream)
    if livestream.playback_policy == PlaybackPolicy.SIGNED:
        ensure_key(livestream.app)
    return changed


def check_origin(text: str) -> str:
    """Return an origin as browsers send it: `https://example.com`.

    :raises ValueError: when it is none; tells what to do.
    """
    origin = text.strip().lower().removesuffix("/")
    scheme = origin.partition(":")[0]
    origin = origin.removesuffix(_DEFAULT_PORTS.get(scheme, "\0"))
    if len(origin) > ORIGIN_MAX_LENGTH or not _ORIGIN.fullmatch(origin):
        raise ValueError(f"Write origins such as https://example.com, without a path: not {text[:80]!r}.")
    return origin


def _checked(changes: PlaybackSettings) -> PlaybackSettings:
    complaints = {
        "latency_mode": _choice_complaint(changes.get("latency_mode", LatencyMode.LOW), LatencyMode.values),
        "playback_policy": _choice_complaint(
            changes.get("playback_policy", PlaybackPolicy.PUBLIC), PlaybackPolicy.values
        ),
        "dvr_window_s": _number_complaint(changes.get("dvr_window_s", 0), least=0, most=DVR_WINDOW_MAX_S),
        "max_viewers": _number_complaint(changes.get("max_viewers"), least=1, most=VIEWERS_MAX),
    }
    fields = {name: [complaint] for name, complaint in complaints.items() if complaint}
    try:
        checked = {**changes, **_checked_origins(changes)}
    except ValidationFailedError as error:
        fields |= error.fields
    if fields:
        raise ValidationFailedError("The playback settings cannot be used.", fields=fields)
    return cast(PlaybackSettings, checked)


def _checked_origins(changes: PlaybackSettings) -> PlaybackSettings:
    """Return them as browsers send them, each once, in their order."""
    if "allowed_origins" not in changes:
        return {}
    origins: dict[str, None] = {}
    complaints = []
    for text in changes["allowed_origins"]:
        try:
            origins[check_origin(text)] = None
        except ValueError as error:
            complaints.append(str(error))
    if len(origins) > ORIGINS_MAX:
        complaints.append(f"Use at most {ORIGINS_MAX} origins; these are {len(origins)}.")
    if complaints:
        raise ValidationFailedError("Not origins.", fields={"allowed_origins": complaints})
    return {"allowed_origins": list(origins)}


def _choice_complaint(value: str, choices: Sequence[str]) -> str:
    return "" if value in choices else f"Choose from {', '.join(choices)}."


def _number_complaint(value: int | None, *, least: int, most: int) -> str:
    return "" if value is None or least <= value <= most else f"Choose a number from {least} to {most}."


def _check_together(livestream: Livestream) -> None:
    if livestream.max_viewers is not None and livestream.playback_policy != PlaybackPolicy.SIGNED:
        complaint = (
            "Viewers of a public livestream cannot be told apart, so they cannot be counted. "
            "Let only viewers with a token play (signed), or take the limit away."
        )
        raise ValidationFailedError("The playback settings cannot be used.", fields={"max_viewers": [complaint]})
