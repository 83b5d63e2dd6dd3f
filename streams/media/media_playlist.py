"""The media playlists that we write: a session's timeline in, text out.

Source: RFC 8216bis; sections are named where a rule comes from.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from streams.media.journal import part_name
from streams.media.playlist import EDGE_QUERY, MEDIA_PLAYLIST_NAME
from streams.media.timeline import SEGMENTS_WITH_PARTS, Opening, Part, Passage, Segment, SessionTimeline, SlotTimeline

# Delta updates need it. Source: RFC 8216bis 7.
_VERSION = "#EXT-X-VERSION:9"
_US = 1_000_000
# Source: RFC 8216bis 4.4.3.8.
_HOLD_BACK_TARGETS = 3
_PART_HOLD_BACK_TARGETS = 3
_SKIP_TARGETS = 6


@dataclass(frozen=True, slots=True)
class Form:
    """Which of a slot's playlists: of the live edge alone, and as what changed since the one before."""

    is_edge: bool = False
    is_delta: bool = False


def render_media(timeline: SessionTimeline, slot: SlotTimeline, form: Form) -> str:
    """Return what players of one rendition read again and again."""
    listed = timeline.listed(slot, is_edge=form.is_edge)
    skipped = _skipped(listed, slot, target_s=timeline.target_s) if form.is_delta and not timeline.is_ended else 0
    lines = [*_head(timeline, slot, listed), *_media(timeline, slot, listed, form, skipped=skipped)]
    lines += _end(timeline, slot, form)
    return "\n".join(lines) + "\n"


def render_key_frames(timeline: SessionTimeline, slot: SlotTimeline) -> str:
    """Return the playlist of the segments' first pictures. Source: RFC 8216bis 4.4.3.6."""
    listed = timeline.listed(slot)
    lines = [*_playlist(timeline, slot, listed), "#EXT-X-I-FRAMES-ONLY"]
    lines += _passage(slot, listed, name="key frames", write=_first_picture)
    if timeline.is_ended:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"


def _first_picture(segment: Segment) -> str:
    if segment.is_gap:
        return _text(segment)
    dated, _, name = _text(segment).rpartition("\n")
    return f"{dated}\n#EXT-X-BYTERANGE:{segment.key_size}@0\n{name}"


def _skipped(listed: list[Segment], slot: SlotTimeline, *, target_s: int) -> int:
    """Return how many of the first segments are further from the end than a player may need to be told again."""
    end_us = slot.end_us + (sum(part.duration_us for part in slot.opening.parts) if slot.opening else 0)
    boundary_us = end_us - _SKIP_TARGETS * target_s * _US
    return bisect_left(listed, boundary_us, key=lambda segment: segment.start_us + segment.duration_us)


def _head(timeline: SessionTimeline, slot: SlotTimeline, listed: list[Segment]) -> list[str]:
    lines = _playlist(timeline, slot, listed)
    if timeline.is_ended:
        return lines
    control = ["CAN-BLOCK-RELOAD=YES", f"CAN-SKIP-UNTIL={_SKIP_TARGETS * timeline.target_s}.0"]
    control.append(f"HOLD-BACK={_HOLD_BACK_TARGETS * timeline.target_s}.0")
    if timeline.has_parts:
        control.append(f"PART-HOLD-BACK={_seconds(_PART_HOLD_BACK_TARGETS * timeline.part_target_us)}")
    lines.append(f"#EXT-X-SERVER-CONTROL:{','.join(control)}")
    if timeline.has_parts:
        lines.append(f"#EXT-X-PART-INF:PART-TARGET={_seconds(timeline.part_target_us)}")
    return lines


def _playlist(timeline: SessionTimeline, slot: SlotTimeline, listed: list[Segment]) -> list[str]:
    first_msn = listed[0].msn if listed else slot.next_msn
    run = listed[0].run if listed else (slot.opening.run if slot.opening else slot.run)
    lines = ["#EXTM3U", _VERSION, f"#EXT-X-TARGETDURATION:{timeline.target_s}"]
    if timeline.is_ended:
        lines.append("#EXT-X-PLAYLIST-TYPE:VOD")
    # A run's number is how many discontinuities came before it.
    return [*lines, f"#EXT-X-MEDIA-SEQUENCE:{first_msn}", f"#EXT-X-DISCONTINUITY-SEQUENCE:{run.number}"]


def _media(
    timeline: SessionTimeline, slot: SlotTimeline, listed: list[Segment], form: Form, *, skipped: int
) -> Iterator[str]:
    opening = slot.opening if timeline.has_parts else None
    with_parts = SEGMENTS_WITH_PARTS - (1 if opening else 0) if timeline.has_parts else 0
    past, newest = listed[skipped : max(0, len(listed) - with_parts)], listed[max(skipped, len(listed) - with_parts) :]
    before = listed[skipped - 1] if skipped else None
    if skipped:
        yield f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}"
    if skipped or form.is_edge:
        yield from _lines(past, before, _text)
    else:
        yield from _passage(slot, past, name="media", write=_text)
    before = past[-1] if past else before
    for segment in newest:
        date, *rest = _dated(segment)
        yield from (*_run_tags(segment, before), date, *map(_part, segment.parts), *rest)
        before = segment
    if opening is not None:
        yield from (*_run_tags(opening, before), _date(opening.at_ms), *map(_part, opening.parts))


def _passage(
    slot: SlotTimeline, segments: Sequence[Segment], *, name: str, write: Callable[[Segment], str]
) -> Iterator[str]:
    """Return what a playlist begins with, which may be hours: written anew for each segment, and not for each part.

    Else whoever asks for all playlists of a long broadcast holds up everybody's.
    """
    if not segments:
        return
    msns, found = (segments[0].msn, segments[-1].msn), slot.passages.get(name)
    if found is None or found.msns != msns:
        found = slot.passages[name] = Passage(msns, "\n".join(_lines(segments, None, write)))
    yield found.text


def _lines(segments: Sequence[Segment], before: Segment | None, write: Callable[[Segment], str]) -> Iterator[str]:
    for segment in segments:
        yield from _run_tags(segment, before)
        yield write(segment)
        before = segment


def _run_tags(segment: Segment | Opening, before: Segment | None) -> list[str]:
    """Return where another ffmpeg's media begins; one tag for each run, so that all renditions count the same."""
    if before is not None and before.run == segment.run:
        return []
    runs = segment.run.number - before.run.number if before else 0
    return [*["#EXT-X-DISCONTINUITY"] * runs, f'#EXT-X-MAP:URI="{segment.run.init_name}"']


def _text(segment: Segment) -> str:
    if not segment.text:
        segment.text = "\n".join(_dated(segment))
    return segment.text


def _dated(segment: Segment) -> list[str]:
    gap = ["#EXT-X-GAP"] if segment.is_gap else []
    return [_date(segment.at_ms), *gap, f"#EXTINF:{_seconds(segment.duration_us)},", segment.name]


def _part(part: Part) -> str:
    independent = ",INDEPENDENT=YES" if part.is_independent else ""
    return f'#EXT-X-PART:DURATION={_seconds(part.duration_us)},URI="{part.name}"{independent}'


def _end(timeline: SessionTimeline, slot: SlotTimeline, form: Form) -> Iterator[str]:
    if timeline.is_ended:
        yield "#EXT-X-ENDLIST"
        return
    if timeline.has_parts:
        msn, part = slot.next_part
        yield f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{part_name(epoch=timeline.epoch, msn=msn, part=part)}"'
    for other in timeline.slots.values():
        if other is not slot and timeline.is_current(other) and not other.is_empty:
            yield _report(other, form, has_parts=timeline.has_parts)


def _report(slot: SlotTimeline, form: Form, *, has_parts: bool) -> str:
    """Return how far another rendition is, for players that turn to it. Source: RFC 8216bis 4.4.5.4."""
    msn, part = slot.last
    uri = f"../{slot.name}/{MEDIA_PLAYLIST_NAME}{EDGE_QUERY if form.is_edge else ''}"
    last_part = f",LAST-PART={part}" if has_parts and part is not None else ""
    return f'#EXT-X-RENDITION-REPORT:URI="{uri}",LAST-MSN={msn}{last_part}'


def _date(at_ms: int) -> str:
    moment = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"#EXT-X-PROGRAM-DATE-TIME:{moment:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"


def _seconds(us: int) -> str:
    return f"{us // _US}.{us % _US:06d}"
