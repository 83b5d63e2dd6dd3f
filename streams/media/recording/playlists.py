"""The recording as HLS video on demand: playlists whose segments are byte ranges of the one file.

Source: RFC 8216bis.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from operator import attrgetter

from streams.media.fmp4 import codec_strings
from streams.media.ladder import Kind, Rendition
from streams.media.playlist import Bitrates, Variant, render_multivariant
from streams.media.recording.clips import Composition
from streams.media.recording.index import US, TrackKind
from streams.media.recording.layout import Placed, Stretch
from streams.media.recording.movie import Movie, MovieError
from streams.media.recording.stored import BOX_HEADER_SIZE

# Ranges of initialization sections, and of what is not listed by key frames alone.
_VERSION = 7


def multivariant_playlist(
    movie: Movie, *, video_uri: str, audio_uri: str, storyboard_uri: str = "", session: str = ""
) -> str:
    """Return the playlist that players begin with; addresses are those of `media_playlist`, unused without that track.

    `storyboard_uri` and `session` are as in `render_multivariant`.

    :raises MovieError: when there is nothing to be listed.
    """
    uris = {TrackKind.VIDEO: video_uri, TrackKind.AUDIO: audio_uri}
    variants = [_variant(movie, kind, uri) for kind, uri in uris.items() if movie.has(kind)]
    if not variants:
        raise MovieError("There is nothing in the recording that can be played.")
    return render_multivariant(variants, storyboard_uri=storyboard_uri, session=session)


def media_playlist(movie: Movie, kind: TrackKind, *, uri: str, start_us: int = 0, end_us: int | None = None) -> str:
    """Return the playlist of one track of a file at `uri`; a clip's has the segments between two times of the file.

    :raises MovieError: when there is nothing between.
    """
    until_us = movie.duration_us if end_us is None else end_us
    listed = [
        (stretch, each)
        for stretch in movie.stretches
        for each in _between(stretch, kind, start_us=start_us, end_us=until_us)
    ]
    if not listed:
        raise MovieError("There is nothing of the recording between these times.")
    return _rendered(listed, _segments(movie, listed, uri=uri, first=_first_number(movie, start_us=start_us)))


def clip_playlist(movie: Movie, kind: TrackKind, composition: Composition, *, uri: str, start_us: int) -> str:
    """Return the playlist of one track of a clip's own file at `uri`, which begins at `start_us` of the movie.

    Segments are whole: it says where players begin, and ends with the segment that the clip's last picture is in.

    :raises MovieError: when the clip has no such track.
    """
    shown = {each: [*_used(movie, each, composition)] for each in TrackKind}
    listed = shown[kind]
    if not listed:
        raise MovieError(f"The clip has no {kind.name.lower()}.")
    numbers = _discontinuities(movie)
    first = min(numbers[stretch.start_us, each.piece.run] for found in shown.values() for stretch, each in found[:1])
    stretch, each = listed[0]
    begins_us = (each.key_us[1] if each.key_us else each.start_us) + stretch.shift_us
    start = f"#EXT-X-START:TIME-OFFSET={max(0, start_us - begins_us) / US:.6f},PRECISE=YES"
    return _rendered(listed, [start, *_segments(movie, listed, uri=uri, first=first, place_of=composition.place_of)])


def _used(movie: Movie, kind: TrackKind, composition: Composition) -> Iterator[tuple[Stretch, Placed]]:
    return ((stretch, each) for stretch, each in movie.shown(kind) if each.piece.offset in composition.used)


def _rendered(listed: Sequence[tuple[Stretch, Placed]], lines: Sequence[str]) -> str:
    target_s = max(round(_length_us(each) / US) for _, each in listed)
    head = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{_VERSION}",
        f"#EXT-X-TARGETDURATION:{max(1, target_s)}",
        "#EXT-X-PLAYLIST-TYPE:VOD",
    ]
    return "\n".join([*head, *lines, "#EXT-X-ENDLIST"]) + "\n"


def _as_recorded(offset: int) -> int:
    return offset


def _segments(
    movie: Movie,
    listed: Sequence[tuple[Stretch, Placed]],
    *,
    uri: str,
    first: int,
    place_of: Callable[[int], int] = _as_recorded,
) -> list[str]:
    numbers, lines = _discontinuities(movie), list[str]()
    number, init = first, -1
    for stretch, each in listed:
        own = numbers[stretch.start_us, each.piece.run]
        # As many as in the other track, which may have something in between.
        lines += ["#EXT-X-DISCONTINUITY"] * (own - number)
        if each.piece.init != init or own > number:
            recorded = movie.inits[each.piece.init]
            found = _range(len(recorded.init.data), place_of(recorded.offset))
            lines.append(f'#EXT-X-MAP:URI="{uri}",BYTERANGE="{found}"')
            lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{_date(each.piece.at_ms)}")
        number, init = own, each.piece.init
        lines += [
            f"#EXTINF:{_length_us(each) / US:.5f},",
            f"#EXT-X-BYTERANGE:{_range(each.piece.size - BOX_HEADER_SIZE, place_of(each.piece.offset))}",
            uri,
        ]
    return lines


def _discontinuities(movie: Movie) -> dict[tuple[int, int], int]:
    """Return how many discontinuities are before the media of a run within a stretch: the same in all tracks."""
    found = [(stretch.start_us, run) for stretch in movie.stretches for run in stretch.runs]
    return {key: number for number, key in enumerate(found)}


def _first_number(movie: Movie, *, start_us: int) -> int:
    """Return how many discontinuities are before a time, in all tracks."""
    numbers = _discontinuities(movie)
    firsts = (
        numbers[stretch.start_us, each.piece.run]
        for stretch in movie.stretches
        for kind in TrackKind
        for each in _between(stretch, kind, start_us=start_us, end_us=movie.duration_us)[:1]
    )
    return min(firsts, default=0)


def _between(stretch: Stretch, kind: TrackKind, *, start_us: int, end_us: int) -> Sequence[Placed]:
    """Return the pieces of a stretch that are shown between two times of the file."""
    pieces, shift_us = stretch.pieces[kind], stretch.shift_us
    begin = bisect_right(pieces, start_us - shift_us, key=attrgetter("end_us"))
    return pieces[begin : bisect_left(pieces, end_us - shift_us, key=attrgetter("start_us"))]


def _variant(movie: Movie, kind: TrackKind, uri: str) -> Variant:
    bitrates, samples, length_us = Bitrates(), 0, 0
    shown = [each for _, each in movie.shown(kind)]
    for each in shown:
        bitrates.add(size=each.piece.size, key_size=0, duration_us=max(1, _length_us(each)))
        samples, length_us = samples + each.head.samples, length_us + _length_us(each)
    init = movie.inits[shown[0].piece.init].init
    width, height = int.from_bytes(init.entry[32:34]), int.from_bytes(init.entry[34:36])
    rendition = Rendition("audio", Kind.AUDIO)
    if kind is TrackKind.VIDEO:
        rendition = Rendition("video", Kind.COPY, width, height, fps=samples * US / max(1, length_us))
    peak = max(bitrates.peak, bitrates.average)
    return Variant(rendition, uri, codec_strings(init.data)[0], peak, bitrates.average)


def _length_us(each: Placed) -> int:
    return each.end_us - each.start_us


def _range(length: int, box_offset: int) -> str:
    return f"{length}@{box_offset + BOX_HEADER_SIZE}"


def _date(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1000:03d}Z"
