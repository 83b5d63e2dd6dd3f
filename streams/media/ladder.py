"""Which renditions a source is broadcast in."""

from dataclasses import dataclass, replace
from enum import StrEnum

from streams.media.aac import PASSABLE_RATES
from streams.media.source import MOST_CUT_OFF, Source

# Short side in pixels and video bitrate in kbit/s of the rungs that are made, tallest first: what veryfast x264
# needs at 30 frames a second to look clean, in the range of Apple's HLS authoring table.
_RUNGS = ((1080, 4500), (720, 2800), (480, 1400), (360, 800))
# A source is passed through when viewers can join and switch quickly enough, and every browser can decode it.
_PASSABLE_PROFILES = frozenset({"Constrained Baseline", "Baseline", "Main", "High"})
LONGEST_PASSABLE_GOP_S = 4.2
# A rung that would need nearly the bits of the source is not worth more than it has.
_SHARE_OF_SOURCE = 0.8
_AUDIO_KBPS = 128
# Of a source that does not tell how many frames it has a second.
_USUAL_FPS = 30.0


class Kind(StrEnum):
    COPY = "copy"
    TRANSCODE = "transcode"
    AUDIO = "audio"


@dataclass(frozen=True)
class Rendition:
    """One quality; sizes in pixels, 0 where they do not apply. `name` is its folder."""

    name: str
    kind: Kind
    width: int = 0
    height: int = 0
    fps: float = 0.0
    video_kbps: int = 0
    audio_kbps: int = 0

    @property
    def is_video(self) -> bool:
        return self.kind is not Kind.AUDIO

    @property
    def pixels_per_s(self) -> float:
        """What it takes to make grows with it."""
        return self.width * self.height * (self.fps or _USUAL_FPS)


@dataclass(frozen=True)
class Ladder:
    """The renditions, best first; audio, when there is any, is one rendition of its own that all share."""

    renditions: tuple[Rendition, ...]
    copies_audio: bool
    # As many as the source's picture takes while it is decoded.
    source_pixels: int
    # Top rungs that are not made, as the machine is too busy for them.
    left_out: tuple[Rendition, ...] = ()

    @property
    def videos(self) -> tuple[Rendition, ...]:
        return tuple(rendition for rendition in self.renditions if rendition.is_video)

    @property
    def transcoded(self) -> tuple[Rendition, ...]:
        return tuple(rendition for rendition in self.renditions if rendition.kind is Kind.TRANSCODE)

    @property
    def audio(self) -> Rendition | None:
        return next((rendition for rendition in self.renditions if rendition.kind is Kind.AUDIO), None)

    @property
    def copies_video(self) -> bool:
        return any(rendition.kind is Kind.COPY for rendition in self.renditions)

    @property
    def whole(self) -> tuple[Rendition, ...]:
        """The renditions with those that are left out, best first."""
        copied = sum(rendition.kind is Kind.COPY for rendition in self.renditions)
        return (*self.renditions[:copied], *self.left_out, *self.renditions[copied:])

    @property
    def next_to_leave_out(self) -> Rendition | None:
        """The top rung that is made; None where it is the only picture that is left."""
        return next(iter(self.transcoded), None) if len(self.videos) > 1 else None

    def without_top(self, count: int) -> "Ladder":
        """Return this with so many of the rungs left out that are made, the tallest first; a picture stays."""
        ladder = self
        while len(ladder.left_out) < count and (top := ladder.next_to_leave_out):
            rest = tuple(rendition for rendition in ladder.renditions if rendition is not top)
            ladder = replace(ladder, renditions=rest, left_out=(*ladder.left_out, top))
        return ladder


def build_ladder(source: Source) -> Ladder:
    """Pass the source through as the top rung when it is fit, make rungs below it, never scale up."""
    top = _copy(source) if can_pass_through(source) else _top_transcode(source)
    below = [_rung(source, short_side=side, kbps=kbps) for side, kbps in _RUNGS if side < min(top.width, top.height)]
    audio = [Rendition("audio", Kind.AUDIO, audio_kbps=_AUDIO_KBPS)] if source.has_audio else []
    # Sound is passed through with the picture alone: what is spliced into it may need other parameters, and those come
    # with a discontinuity, which what we encode has none of.
    copies_audio = top.kind is Kind.COPY and _can_copy_audio(source)
    return Ladder((top, *below, *audio), copies_audio=copies_audio, source_pixels=_pixels(source))


def can_pass_through(source: Source) -> bool:
    """Tell whether the encoder's own video can be handed to viewers as it is."""
    return (
        source.video_codec == "h264"
        and source.profile in _PASSABLE_PROFILES
        and source.pixel_format in {"yuv420p", "yuvj420p"}
        # Not known at first, and looked at again.
        and source.gop_s <= LONGEST_PASSABLE_GOP_S
    )


def _can_copy_audio(source: Source) -> bool:
    is_understood = source.audio_codec == "aac" and source.audio_profile == "LC" and source.audio_channels in {1, 2}
    return is_understood and source.sample_rate in PASSABLE_RATES


def _copy(source: Source) -> Rendition:
    return Rendition(f"{source.short_side}p", Kind.COPY, source.width, source.height, source.fps, source.video_kbps)


def _top_transcode(source: Source) -> Rendition:
    side = min(source.short_side, _RUNGS[0][0])
    kbps = next((rate for rung, rate in reversed(_RUNGS) if rung >= side), _RUNGS[0][1])
    return _rung(source, short_side=side, kbps=kbps)


def _rung(source: Source, *, short_side: int, kbps: int) -> Rendition:
    width = _even(source.width * short_side / source.short_side)
    height = _even(source.height * short_side / source.short_side)
    affordable = int(source.video_kbps * _SHARE_OF_SOURCE) if source.video_kbps else kbps
    return Rendition(f"{short_side}p", Kind.TRANSCODE, width, height, source.fps, max(100, min(kbps, affordable)))


def _pixels(source: Source) -> int:
    return (source.width + MOST_CUT_OFF) * (source.height + MOST_CUT_OFF)


def _even(pixels: float) -> int:
    return max(2, round(pixels / 2) * 2)
