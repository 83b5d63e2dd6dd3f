"""When what was recorded is shown: found out from what is known of each segment without unpacking it."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from streams.media.recording.index import US, IndexHead, TrackKind
from streams.media.recording.stored import TrackInit

# Less than that is no hole: the sample before it is held, and all tracks go on as they were.
_LEAST_HOLE_US = 100_000
# A picture that begins so much later than its sound is waited for: the sound is not cut for it.
_LONGEST_SILENT_WAIT_US = US


class MovieError(Exception):
    """Nothing can be shown of what was recorded; the message says why."""


@dataclass(frozen=True, slots=True)
class RecordedInit:
    """An initialization section that is stored at `offset`, where its box begins in the file."""

    offset: int
    init: TrackInit


@dataclass(frozen=True, slots=True)
class RecordedPiece:
    """A segment that is stored at `offset`, where its box of `size` bytes begins in the file.

    `index` is `SegmentIndex.packed`, `init` the key of its initialization section; `run` counts those of the session,
    over epochs as well: other than the one before's where playlists need a discontinuity. `at_ms` since 1970.
    `left_out` is why none of it is to be seen (`slate`), or empty; `gap_before` why something is missing before it, if
    anything is.
    """

    kind: TrackKind
    offset: int
    size: int
    index: bytes
    init: int
    run: int
    at_ms: int
    left_out: str = ""
    gap_before: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """What is not in the file, where in it that is missing, and why: `slate`, or what the recorder said, or `lost`.

    `sound` is missing where only the sound's format changed, which one file cannot follow: silence stands there.
    """

    at_us: int
    length_us: int
    reason: str


@dataclass(frozen=True, slots=True)
class Placed:
    """A piece, and when its samples are decoded by the clock of the session's media, from the first to the last's end.

    `is_mute`: its sound is in another format than the file's.
    """

    piece: RecordedPiece
    head: IndexHead
    start_us: int
    end_us: int
    is_mute: bool

    @property
    def key_us(self) -> tuple[int, int] | None:
        """Return when the first key frame is decoded and when it is shown, None without one."""
        if self.head.key_time is None:
            return None
        decoded, scale = self.head.key_time, self.head.timescale
        return decoded * US // scale, (decoded + self.head.key_composition) * US // scale

    @property
    def shown_until_us(self) -> int:
        """When its last sample is not shown any more."""
        return -(-max(self.head.shown_until, self.head.end_time) * US // self.head.timescale)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Media without a hole: from `media_start_us` on, by the clock of the session's media, shown from `start_us` on.

    `pieces` of each track are in the order of their time; the first one of the picture has a key frame. `runs` are
    those that any of them is of, in order.
    """

    start_us: int
    duration_us: int
    media_start_us: int
    pieces: Mapping[TrackKind, Sequence[Placed]]
    runs: tuple[int, ...]

    @property
    def shift_us(self) -> int:
        """What to add to the times of the session's media for those of the file."""
        return self.start_us - self.media_start_us

    @property
    def end_us(self) -> int:
        return self.start_us + self.duration_us


def place(pieces: Iterable[RecordedPiece], inits: Mapping[int, RecordedInit]) -> list[Placed]:
    """Return the pieces in the order of runs, and of time within each.

    :raises ValueError: when an index is none of ours.
    """
    placed, sound = list[Placed](), b""
    for piece in pieces:
        head = IndexHead.of(piece.index)
        config = inits[piece.init].init.sound
        if not sound and not piece.left_out:
            sound = config
        placed.append(
            Placed(
                piece,
                head,
                head.decode_time * US // head.timescale,
                -(-head.end_time * US // head.timescale),
                is_mute=bool(config) and bool(sound) and config != sound,
            )
        )
    placed.sort(key=_order)
    return placed


def lay_out(placed: Sequence[Placed]) -> list[Stretch]:
    """Return what is shown, one stretch after the other.

    :raises MovieError: when that is nothing.
    """
    stretches, end_us, decoded_until_us = list[Stretch](), 0, 0
    for group in _groups(each for each in placed if not each.piece.left_out):
        pictures = _from_key(each for each in group if each.head.kind is TrackKind.VIDEO)
        sounds = [each for each in group if each.head.kind is TrackKind.AUDIO]
        if not pictures and not sounds:
            continue
        starts_us = _media_start_us(pictures, sounds)
        shift_us = end_us - starts_us
        if pictures and stretches and (key := pictures[0].key_us):
            # Pictures that are shown later than decoded reach back to before the end.
            shift_us = max(shift_us, decoded_until_us - key[0])
        last_us = max(each.shown_until_us for each in (*pictures, *sounds)) + shift_us
        decoded_until_us = max([decoded_until_us, *(each.end_us + shift_us for each in pictures)])
        pieces = {TrackKind.VIDEO: tuple(pictures), TrackKind.AUDIO: tuple(sounds)}
        begin_us, end_us = starts_us + shift_us, last_us
        runs = tuple(sorted({each.piece.run for each in (*pictures, *sounds)}))
        stretches.append(Stretch(begin_us, end_us - begin_us, starts_us, pieces, runs))
    if not stretches:
        raise MovieError("Nothing was recorded that can be shown.")
    return stretches


def find_gaps(placed: Sequence[Placed], stretches: Sequence[Stretch]) -> list[Gap]:
    """Return what is missing, in the order of the file."""
    left_out = [each for each in placed if each.piece.left_out]
    # All tracks are left out at the same time.
    kinds = {each.head.kind for each in left_out}
    of_one = [each for each in left_out if each.head.kind is TrackKind.VIDEO or TrackKind.VIDEO not in kinds]
    keys, found = [_order(each)[:2] for each in of_one], list[Gap]()
    bounds = [(-1, 0), *(_order(each)[:2] for each in map(_first, stretches)), (1 << 62, 0)]
    for number, (begin, end) in enumerate(pairwise(bounds)):
        at_us = stretches[number].start_us if number < len(stretches) else stretches[-1].end_us
        between = of_one[bisect_right(keys, begin) : bisect_left(keys, end)]
        found += _left_out(between, at_us=at_us)
        if 0 < number < len(stretches):
            before, after = stretches[number - 1], stretches[number]
            hole_us = after.media_start_us - before.media_start_us - before.duration_us
            lost_us = hole_us - sum(each.end_us - each.start_us for each in between)
            if lost_us > _LEAST_HOLE_US:
                found.append(Gap(at_us, lost_us, _reason(after)))
    return sorted([*found, *_silent(stretches)], key=lambda gap: gap.at_us)


def _order(placed: Placed) -> tuple[int, int, str]:
    return placed.piece.run, placed.start_us, placed.head.kind


def _groups(placed: Iterable[Placed]) -> Iterator[list[Placed]]:
    """Yield pieces without a hole in all tracks, nor a step back, which machines make whose clock is set."""
    group, ends_us = list[Placed](), dict[TrackKind, int]()
    for each in placed:
        is_behind_hole = each.start_us > max(ends_us.values(), default=0) + _LEAST_HOLE_US
        is_back = each.start_us < ends_us.get(each.head.kind, each.start_us) - _LEAST_HOLE_US
        if group and (is_behind_hole or is_back):
            yield group
            group, ends_us = [], {}
        group.append(each)
        ends_us[each.head.kind] = max(each.end_us, ends_us.get(each.head.kind, each.end_us))
    if group:
        yield group


def _from_key(pictures: Iterable[Placed]) -> list[Placed]:
    found = list(pictures)
    first = next((place for place, each in enumerate(found) if each.head.key_time is not None), len(found))
    return found[first:]


def _media_start_us(pictures: Sequence[Placed], sounds: Sequence[Placed]) -> int:
    key = pictures[0].key_us if pictures else None
    if key is None:
        return sounds[0].start_us
    if sounds and key[1] > sounds[0].start_us + _LONGEST_SILENT_WAIT_US:
        return sounds[0].start_us
    return key[1]


def _first(stretch: Stretch) -> Placed:
    return min((each for pieces in stretch.pieces.values() for each in pieces), key=_order)


def _reason(stretch: Stretch) -> str:
    firsts = [pieces[0] for pieces in stretch.pieces.values() if pieces]
    return next((each.piece.gap_before for each in firsts if each.piece.gap_before), "lost")


def _left_out(between: Sequence[Placed], *, at_us: int) -> list[Gap]:
    lengths_us: dict[str, int] = {}
    for each in between:
        reason = each.piece.left_out
        lengths_us[reason] = lengths_us.get(reason, 0) + each.end_us - each.start_us
    return [Gap(at_us, length_us, reason) for reason, length_us in lengths_us.items()]


def _silent(stretches: Sequence[Stretch]) -> list[Gap]:
    """Return where sound of another format is, as long as that goes on."""
    found = list[Gap]()
    for stretch in stretches:
        for each in stretch.pieces[TrackKind.AUDIO]:
            if not each.is_mute:
                continue
            at_us, length_us = each.start_us + stretch.shift_us, each.end_us - each.start_us
            if found and abs(found[-1].at_us + found[-1].length_us - at_us) < _LEAST_HOLE_US:
                at_us, length_us = found[-1].at_us, found.pop().length_us + length_us
            found.append(Gap(at_us, length_us, "sound"))
    return found
