"""Encoders for the doctor: what ffmpeg sends, rewritten tag by tag, at times that are made up."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from random import Random

from streams.media.doctor.doctor import Doctor
from streams.media.doctor.judgement import IngestFault
from streams.media.doctor.kinds import FindingKind
from streams.media.flv import Tag, TagReader, TagType
from tests.media.clips import flv

_LOOK_MS = 1_000
# Within what is usual for that size.
SIZE, RATE = "320x240", "bitrate=500:vbv-maxrate=500:vbv-bufsize=500:nal-hrd=cbr"
# As many sounds and pictures, and groups of two or three seconds, fit into it.
LENGTH_S = 24


@dataclass(frozen=True)
class Came:
    tag: Tag
    at_ms: float


@cache
def tags_of(clip: bytes) -> tuple[Tag, ...]:
    """Return the tags of a clip."""
    return tuple(TagReader().feed(clip))


def healthy(*, seconds: int = 20, **options: object) -> Iterator[Came]:
    """Return a healthy encoder's tags, each when it was made, with some milliseconds of a network."""
    clip = tags_of(flv(size=SIZE, seconds=LENGTH_S, **{"x264": RATE, **options}))
    return on_time(looped(clip, seconds=seconds))


def looped(clip: Iterable[Tag], *, seconds: int) -> Iterator[Tag]:
    """Return a clip again and again, its time going on."""
    length_ms = LENGTH_S * 1000
    media = [tag for tag in clip if tag.type != TagType.SCRIPT and tag.timestamp_ms < length_ms]
    for turn in range(-(-seconds // LENGTH_S)):
        for tag in media:
            if (turn == 0 or not tag.announced) and turn * length_ms + tag.timestamp_ms < seconds * 1000:
                yield moved(tag, by_ms=turn * length_ms)


def moved(tag: Tag, *, by_ms: int) -> Tag:
    return tag._replace(timestamp_ms=tag.timestamp_ms + by_ms)


def on_time(tags: Iterable[Tag]) -> Iterator[Came]:
    random = Random(7)  # noqa: S311  # Repeatable.
    newest_ms = 0.0
    for tag in tags:
        newest_ms = max(newest_ms, tag.timestamp_ms + 20 + random.random() * 30)
        yield Came(tag, newest_ms)


def rewritten(came: Iterable[Came], change: Callable[[Tag], Tag | None]) -> Iterator[Came]:
    """Return other tags at the same times; None for those that never come."""
    for each in came:
        tag = change(each.tag)
        if tag is not None:
            yield replace(each, tag=tag)


def delayed(came: Iterable[Came], arrive: Callable[[float], float]) -> Iterator[Came]:
    """Return the same tags at other times, in the same order."""
    newest_ms = 0.0
    for each in came:
        newest_ms = max(newest_ms, arrive(each.at_ms))
        yield replace(each, at_ms=newest_ms)


@dataclass(frozen=True)
class Line:
    """What a filter prints, and of which time of the stream."""

    at_ms: float
    text: bytes
    is_of_sound: bool


def course(
    came: Iterable[Came], *, is_low: bool = True, lines: Iterable[Line] = ()
) -> list[tuple[float, tuple[IngestFault, ...]]]:
    """Return what the doctor says each second: when, in seconds since the first tag, and the findings."""
    doctor, said = Doctor(is_low=is_low), []
    waiting = deque(sorted(lines, key=lambda line: line.at_ms))
    began_ms = look_ms = -1.0
    for each in came:
        began_ms = each.at_ms if began_ms < 0 else began_ms
        look_ms = max(look_ms, began_ms + _LOOK_MS)
        while each.at_ms >= look_ms:
            said.append(((look_ms - began_ms) / 1000, doctor.examine(now_ms=look_ms).findings))
            look_ms += _LOOK_MS
        while waiting and waiting[0].at_ms <= each.at_ms:
            line = waiting.popleft()
            (doctor.hear_sound if line.is_of_sound else doctor.hear_picture)(line.text)
        doctor.note([each.tag], each.at_ms)
    return said


def named(came: Iterable[Came], *, is_low: bool = True, lines: Iterable[Line] = ()) -> dict[FindingKind, float]:
    """Return after how many seconds each kind was named first."""
    found: dict[FindingKind, float] = {}
    for at_s, findings in course(came, is_low=is_low, lines=lines):
        for finding in findings:
            found.setdefault(finding.kind, at_s)
    return found
