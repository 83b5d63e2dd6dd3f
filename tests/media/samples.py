"""Sample streams as ffmpeg hands them over, made up by chance from a seed, and what a track makes of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from streams.media.fragments import Fragment, Sample
from streams.media.marks import Cuts, EvenMarks, KeyFrameMarks, Marks
from streams.media.targets import LONGEST_SEGMENT_S, Targets
from streams.media.track import Chunk, Track

TIMESCALE = 90_000
_PER_MS = TIMESCALE // 1000
_SIZE = 4


@dataclass(frozen=True)
class Frame:
    """A picture or some sound; times in milliseconds, as encoders have them."""

    at_ms: int
    duration_ms: int
    is_sync: bool = False


def even_frames(*, fps: float, seconds: float, key_every_s: float = 2.0, first_ms: int = 0) -> list[Frame]:
    """Return frames at an even rate, each key frame the first that is due."""
    times = [first_ms + round(number * 1000 / fps) for number in range(round(seconds * fps) + 1)]
    made, keys = [], 0
    for at_ms, next_ms in pairwise(times):
        is_sync = at_ms - first_ms >= keys * key_every_s * 1000
        keys += is_sync
        made.append(Frame(at_ms, next_ms - at_ms, is_sync))
    return made


def frames_by_chance(seed: int, *, seconds: float) -> list[Frame]:
    """Return frames that last as long as they like, with key frames where they like."""
    random = Random(seed)  # noqa: S311  # Repeatable.
    made: list[Frame] = []
    at_ms, key_in_ms = random.randrange(5000), 0
    first_ms = at_ms
    while at_ms < first_ms + seconds * 1000:
        duration_ms = random.choice((16, 17, 33, 33, 34, 40, 100, 250, 700, random.randrange(1, 300)))
        made.append(Frame(at_ms, duration_ms, key_in_ms <= 0))
        key_in_ms = random.randrange(200, 5000) if key_in_ms <= 0 else key_in_ms - duration_ms
        at_ms += duration_ms
    return made


def key_marks(frames: Sequence[Frame], targets: Targets) -> Marks:
    """Return the marks that a source's key frames give."""
    marks = KeyFrameMarks(segment_s=targets.segment_s)
    for frame in frames:
        if frame.is_sync:
            marks.note(frame.at_ms)
    return marks


def even_marks(frames: Sequence[Frame], targets: Targets) -> Marks:
    """Return the marks of renditions that are all encoded by us."""
    return EvenMarks(segment_s=targets.segment_s, first_at_ms=frames[0].at_ms)


def fragments(frames: Sequence[Frame], random: Random, *, most: int = 9) -> Iterator[Fragment]:
    """Return the frames in fragments of any size; each frame's bytes are its number. A key frame begins one."""
    begins = [0]
    for number, frame in enumerate(frames):
        if number - begins[-1] >= random.randrange(1, most + 1) or (frame.is_sync and number > begins[-1]):
            begins.append(number)
    for begin, end in pairwise([*begins, len(frames)]):
        samples = tuple(Sample(frame.duration_ms * _PER_MS, _SIZE, frame.is_sync, 0) for frame in frames[begin:end])
        payload = b"".join(number.to_bytes(_SIZE) for number in range(begin, end))
        yield Fragment(frames[begin].at_ms * _PER_MS, samples, memoryview(payload))


def cut(
    frames: Sequence[Frame],
    targets: Targets,
    marks: Marks,
    *,
    is_video: bool = True,
    is_exact: bool = True,
    begins_at_ms: float = 0,
    seed: int = 0,
    cuts: Cuts | None = None,
) -> list[Chunk]:
    """Return what a track makes of frames."""
    track = Track(
        timescale=TIMESCALE,
        is_video=is_video,
        is_exact=is_exact and is_video,
        targets=targets,
        marks=marks,
        begins_at_ms=begins_at_ms,
        cuts=cuts,
    )
    handed_over = fragments(frames, Random(seed))  # noqa: S311  # Repeatable.
    return [*(chunk for fragment in handed_over for chunk in track.take(fragment)), *track.finish()]


def numbers(chunk: Chunk) -> list[int]:
    """Return which frames a chunk holds."""
    return [int.from_bytes(payload) for payload in chunk.payloads]


def segments(chunks: Sequence[Chunk]) -> list[list[Chunk]]:
    """Return what belongs together, going by what chunks say of themselves."""
    found: list[list[Chunk]] = []
    for chunk in chunks:
        if chunk.begins_segment:
            found.append([])
        found[-1].append(chunk)
    return found


def check_cut(chunks: Sequence[Chunk], frames: Sequence[Frame], targets: Targets) -> None:
    """Check what holds for anything that is cut."""
    assert [number for chunk in chunks for number in numbers(chunk)] == list(range(len(frames)))
    for chunk in chunks:
        own = [frames[number] for number in numbers(chunk)]
        assert chunk.decode_time == own[0].at_ms * _PER_MS
        assert chunk.duration == sum(sample.duration for sample in chunk.samples)
        assert [sample.is_sync for sample in chunk.samples] == [frame.is_sync for frame in own]
        assert chunk.is_independent is own[0].is_sync
    for before, after in pairwise(chunks):
        assert after.begins_segment or not before.ends_segment
    for segment in segments(chunks):
        assert sum(chunk.duration for chunk in segment) <= LONGEST_SEGMENT_S * TIMESCALE
        _check_parts(segment, targets)


def _check_parts(segment: Sequence[Chunk], targets: Targets) -> None:
    if not targets.part_s:
        assert not any(chunk.is_too_long for chunk in segment)
        return
    for chunk in segment:
        assert chunk.is_too_long == (chunk.duration > targets.part_s * TIMESCALE)
        # Who does not get them in parts gets the segment alone.
        assert not chunk.is_too_long or len(segment) == 1
    for chunk, following in pairwise(segment):
        could_be_longer = chunk.duration + following.samples[0].duration <= targets.part_s * TIMESCALE
        assert chunk.duration >= 0.85 * targets.part_s * TIMESCALE or not could_be_longer
