"""How old pictures are when players can fetch them: by the time that is drawn into them."""

import time
from dataclasses import dataclass
from statistics import median

from streams.media.clock_code import age_ms, decode
from streams.self_tests.viewing import EdgeViewer, ListedPart, MediaListing, ViewingFailedError, now_ms

# Whose median counts.
_SAMPLES = 3


@dataclass(frozen=True)
class Ages:
    """Of the newest and the oldest picture of a part, in milliseconds, when that could be fetched."""

    newest: int
    oldest: int


@dataclass(frozen=True)
class _Fetched:
    """A part that has just come: its segment up to it, with the init section, and the same without it."""

    before: bytes
    whole: bytes
    at_ms: int


def measure(viewer: EdgeViewer, listing: MediaListing, *, ends_at: float) -> Ages | None:
    """Return the median ages over the next parts of a playlist; None when no picture shows the time.

    `ends_at` is when it has to be over, by the monotonic clock.

    :raises ViewingFailedError: when what players need cannot be fetched.
    :raises DecodeFailedError: when what was fetched is no picture.
    """
    fetched = _fetch(viewer, listing, ends_at=ends_at)
    # Only now: decoding would keep the next part waiting.
    decoded: dict[bytes, list[int | None]] = {b"": []}
    for media in [media for each in fetched for media in (each.before, each.whole)]:
        if media not in decoded:
            decoded[media] = decode(media, timeout_s=_left_s(ends_at))
    found = [ages for each in fetched if (ages := _ages(each, decoded)) is not None]
    if not found:
        return None
    return Ages(round(median(each.newest for each in found)), round(median(each.oldest for each in found)))


def _fetch(viewer: EdgeViewer, listing: MediaListing, *, ends_at: float) -> list[_Fetched]:
    """Fetch the next parts, each as soon as the playlist has it."""
    init = viewer.fetch(listing.init_url)
    newest = listing.parts[-1]
    begun = [part for part in listing.parts if part.msn == newest.msn]
    segment = init + b"".join(viewer.fetch(part.url) for part in begun)
    fetched = list[_Fetched]()
    while len(fetched) < _SAMPLES:
        listing = viewer.listing(listing.url, after=listing, timeout_s=_left_s(ends_at))
        known, newest = newest, listing.parts[-1]
        # More than one where two have come meanwhile; of a segment that has begun since, its first ones.
        fresh = [part for part in listing.parts if _place(part) > _place(known) and part.msn == newest.msn]
        if not fresh:
            raise ViewingFailedError("A playlist was answered without the part that was asked for.")
        before = segment if newest.msn == known.msn else b""
        media = b"".join(viewer.fetch(part.url) for part in fresh)
        at_ms = now_ms()
        segment = (before or init) + media
        fetched.append(_Fetched(before, segment, at_ms))
    return fetched


def _place(part: ListedPart) -> tuple[int, int]:
    return part.msn, part.index


def _left_s(ends_at: float) -> float:
    return max(0.1, ends_at - time.monotonic())


def _ages(fetched: _Fetched, decoded: dict[bytes, list[int | None]]) -> Ages | None:
    codes = decoded[fetched.whole][len(decoded[fetched.before]) :]
    legible = [code for code in codes if code is not None]
    if not legible:
        return None
    return Ages(age_ms(legible[-1], at_ms=fetched.at_ms), age_ms(legible[0], at_ms=fetched.at_ms))
