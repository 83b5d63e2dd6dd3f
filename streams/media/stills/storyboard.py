"""The list of pictures for the scrub bar: WebVTT whose cues are pictures, or parts of them.

Source: W3C WebVTT; Media Fragments URI 1.0, 4.2.2 (`#xywh=`).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

_BEGINS = re.compile(r"^NOTE begins (\S+)$", re.MULTILINE)
_CUE = re.compile(
    r"^(?P<hours>\d+):(?P<minutes>\d\d):(?P<seconds>\d\d)\.(?P<ms>\d{3}) --> .*\n"
    r"(?P<file>[^#\s]+)#xywh=0,(?P<top>\d+),(?P<width>\d+),(?P<height>\d+)$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Picture:
    """One moment; `at_ms` since 1970. It is in `file`, alone or below others, from `top` pixels on."""

    at_ms: int
    file: str
    top: int
    width: int
    height: int


def render(pictures: Iterable[Picture], *, every_ms: int, is_dated: bool = True) -> str:
    """Return the list of pictures in order of time; each stands for what follows it, the last one for `every_ms`.

    Without dates they are moments of a file: `at_ms` since its beginning, as its player counts.
    """
    shown = list(pictures)
    if not shown:
        return "WEBVTT\n"
    begins_ms = shown[0].at_ms if is_dated else 0
    ends = [*(later.at_ms for _, later in pairwise(shown)), shown[-1].at_ms + every_ms]
    cues = (
        f"{_time(picture.at_ms - begins_ms)} --> {_time(end_ms - begins_ms)}\n"
        f"{picture.file}#xywh=0,{picture.top},{picture.width},{picture.height}"
        for picture, end_ms in zip(shown, ends, strict=True)
    )
    return "\n\n".join(("WEBVTT", *([_beginning(begins_ms)] if is_dated else []), *cues)) + "\n"


def _beginning(begins_ms: int) -> str:
    begins = datetime.fromtimestamp(begins_ms / 1000, tz=UTC).isoformat(timespec="milliseconds")
    return f"NOTE begins {begins.replace('+00:00', 'Z')}"


def parse(text: str) -> list[Picture]:
    """Return the pictures of a list of ours."""
    begins = _BEGINS.search(text)
    if begins is None:
        return []
    begins_ms = round(datetime.fromisoformat(begins[1]).timestamp() * 1000)
    return [
        Picture(begins_ms + _ms(cue), cue["file"], int(cue["top"]), int(cue["width"]), int(cue["height"]))
        for cue in _CUE.finditer(text)
    ]


def _time(ms: int) -> str:
    minutes, rest_ms = divmod(ms, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest_ms // 1000:02d}.{rest_ms % 1000:03d}"


def _ms(cue: re.Match[str]) -> int:
    return ((int(cue["hours"]) * 60 + int(cue["minutes"])) * 60 + int(cue["seconds"])) * 1000 + int(cue["ms"])
