"""Which stretch somebody wants, and whether it can be had: the same for clips and for recordings of a window."""

from dataclasses import dataclass

from django.conf import settings

from livehub.core import clock
from livehub.core.errors import ValidationFailedError
from livehub.core.lengths import length_words
from streams.livestreams.models import Livestream, Session
from streams.livestreams.selectors import find_played_session
from streams.recordings.clips.errors import NothingToClipError
from streams.recordings.clips.window import Window, has_files_here, read_window, words_of

# What players say of their place is rounded, and machines' clocks differ.
_ROUNDING_MS = 1000
# How far from its beginning anything may be asked for, in seconds: no broadcast lasts that long, and a number without
# bounds cannot be counted in microseconds.
FURTHEST_S = 366 * 86_400


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A stretch of a broadcast, in milliseconds since 1970, or the last of what can be cut. Either is None."""

    from_ms: int | None = None
    until_ms: int | None = None
    last_ms: int | None = None
    # Which broadcast; None: the one that viewers can play.
    session: Session | None = None


@dataclass(frozen=True)
class Found:
    """Which stretch of which broadcast. `window` is None where this node has not all of it, now or ever."""

    session: Session
    from_ms: int
    until_ms: int
    window: Window | None


def find_stretch(livestream: Livestream, wish: Wish, *, longest_s: int | None = None) -> Found:
    """Return the stretch that is wished for; `longest_s` None for any length.

    :raises ValidationFailedError: when it cannot be had; says what can.
    :raises NothingToClipError: when nothing is there to be cut.
    :raises JournalError: when its journals cannot be understood.
    :raises OSError: when its files cannot be read.
    """
    _check_wish(wish, longest_s=longest_s)
    session = wish.session or find_played_session(livestream)
    if session is None:
        raise NothingToClipError(
            f"Livestream {livestream.pk} has no broadcast that could be cut. Start one, or cut a recording."
        )
    session.livestream = livestream
    if not has_files_here(session):
        return _found_elsewhere(session, wish)
    window = read_window(session)
    if wish.last_ms is not None:
        from_ms, until_ms = max(window.first_ms, window.until_ms - wish.last_ms), window.until_ms
        return Found(session, from_ms, until_ms, window)
    return _found_here(session, wish, window)


def _check_wish(wish: Wish, *, longest_s: int | None) -> None:
    if wish.last_ms is not None:
        check_length(wish.last_ms * 1000, field="last_s", longest_s=longest_s)
    elif wish.from_ms is None or wish.until_ms is None:
        complaint = ["Say where it starts and ends, or how much of the last there is to be: last_s."]
        raise ValidationFailedError("Nothing says which stretch is wanted.", fields={"starts_at": complaint})
    else:
        check_length((wish.until_ms - wish.from_ms) * 1000, field="ends_at", longest_s=longest_s)
        if wish.until_ms > clock.epoch_ms(clock.now()) + _ROUNDING_MS:
            complaint = ["That is in the future. Ask again once it has been broadcast."]
            raise ValidationFailedError("The stretch is not over.", fields={"ends_at": complaint})


def check_length(length_us: int, *, field: str, longest_s: int | None) -> None:
    """Accept how long a stretch may be.

    :raises ValidationFailedError: when it is too long, or nothing.
    """
    complaint = ""
    if length_us <= 0:
        complaint = "The end has to be behind the start."
    elif longest_s is not None and length_us > longest_s * 1_000_000:
        complaint = f"A clip lasts {length_words(longest_s)} at most. Make a recording of what is longer."
    if complaint:
        raise ValidationFailedError("The stretch cannot be cut.", fields={field: [complaint]})


def _found_elsewhere(session: Session, wish: Wish) -> Found:
    if wish.from_ms is None or wish.until_ms is None or not session.file_nodes:
        raise NothingToClipError(
            f"This node has no files of the broadcast {session.pk}. Say where the clip starts and ends."
        )
    return Found(session, wish.from_ms, wish.until_ms, None)


def _found_here(session: Session, wish: Wish, window: Window) -> Found:
    from_ms, until_ms = wish.from_ms or 0, wish.until_ms or 0
    is_late = until_ms > window.until_ms
    if from_ms < window.first_ms - _ROUNDING_MS:
        said = f"Nothing before {words_of(window.first_ms)} is there any more."
        raise ValidationFailedError("The stretch is not there.", fields={"starts_at": [said]})
    if is_late and not session.is_open and until_ms > window.until_ms + _ROUNDING_MS:
        said = f"The broadcast has nothing after {words_of(window.until_ms)}."
        raise ValidationFailedError("The stretch is not there.", fields={"ends_at": [said]})
    from_ms = max(from_ms, window.first_ms)
    if not is_late:
        return Found(session, from_ms, until_ms, window)
    if session.is_open:
        # What is on its way is closed within seconds.
        return Found(session, from_ms, until_ms, None)
    return Found(session, min(from_ms, window.until_ms - 1), window.until_ms, window)


def longest_clip_s() -> int:
    return int(settings.CLIP_LONGEST_S)
