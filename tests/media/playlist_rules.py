"""The rules of media playlists, checked by reading the text and nothing else. Source: RFC 8216bis."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

_NAME = re.compile(r"(?P<epoch>\d+)-(?P<msn>\d+)(?:\.(?P<part>\d+))?\.m4s")
_ATTRIBUTE = re.compile(r'([A-Z-]+)=("[^"]*"|[^,]*)')


@dataclass
class Listed:
    """A segment; the last may have parts only."""

    msn: int
    discontinuity: int
    init: str
    at: datetime | None = None
    duration_s: float = 0.0
    uri: str = ""
    is_gap: bool = False
    byte_range: str = ""
    parts: list[dict[str, str]] = field(default_factory=list)


@dataclass
class Playlist:
    tags: dict[str, str]
    listed: list[Listed]
    skipped: int
    hint: str
    reports: list[dict[str, str]]

    @property
    def is_ended(self) -> bool:
        return "#EXT-X-ENDLIST" in self.tags

    @property
    def control(self) -> dict[str, str]:
        return attributes(self.tags.get("#EXT-X-SERVER-CONTROL", ""))

    @property
    def closed(self) -> list[Listed]:
        return [segment for segment in self.listed if segment.uri]

    @property
    def first_msn(self) -> int:
        return int(self.tags["#EXT-X-MEDIA-SEQUENCE"])

    @property
    def end(self) -> tuple[int, int]:
        """How far it goes: the newest segment, and how many parts of it are there; a closed one has them all."""
        last = self.listed[-1]
        return (last.msn + 1, 0) if last.uri else (last.msn, len(last.parts))


def attributes(text: str) -> dict[str, str]:
    return {name: value.strip('"') for name, value in _ATTRIBUTE.findall(text)}


class _Reading:
    """Reads line by line: what a segment has stands before its name."""

    def __init__(self) -> None:
        self.playlist = Playlist({}, [], 0, "", [])
        self._next = Listed(-1, 0, "")
        self._of_segments: dict[str, Callable[[str], None]] = {
            "#EXT-X-SKIP": self._skip,
            "#EXT-X-MAP": lambda value: setattr(self._next, "init", attributes(value)["URI"]),
            "#EXT-X-DISCONTINUITY": lambda _: setattr(self._next, "discontinuity", self._next.discontinuity + 1),
            "#EXT-X-PROGRAM-DATE-TIME": lambda value: setattr(self._next, "at", datetime.fromisoformat(value)),
            "#EXT-X-PART": lambda value: self._next.parts.append(attributes(value)),
            "#EXT-X-GAP": lambda _: setattr(self._next, "is_gap", True),
            "#EXTINF": lambda value: setattr(self._next, "duration_s", float(value.rstrip(","))),
            "#EXT-X-BYTERANGE": lambda value: setattr(self._next, "byte_range", value),
        }
        self._of_playlist = {"#EXT-X-PRELOAD-HINT": self._hint, "#EXT-X-RENDITION-REPORT": self._report}

    def line(self, line: str) -> None:
        name, _, value = line.partition(":")
        if name in self._of_playlist:
            self._of_playlist[name](value)
        elif not line.startswith("#") or name in self._of_segments:
            self._begin()
            if line.startswith("#"):
                self._of_segments[name](value)
            else:
                self._end(line)
        else:
            assert name not in self.playlist.tags, f"{name} is there twice"
            self.playlist.tags[name] = value

    def _begin(self) -> None:
        if self._next.msn < 0:
            self._next.msn = self.playlist.first_msn
            self._next.discontinuity = int(self.playlist.tags["#EXT-X-DISCONTINUITY-SEQUENCE"])

    def _skip(self, value: str) -> None:
        self.playlist.skipped = int(attributes(value)["SKIPPED-SEGMENTS"])
        self._next.msn += self.playlist.skipped

    def _hint(self, value: str) -> None:
        assert attributes(value)["TYPE"] == "PART"
        self.playlist.hint = attributes(value)["URI"]

    def _report(self, value: str) -> None:
        self.playlist.reports.append(attributes(value))

    def _end(self, uri: str) -> None:
        done = self._next
        done.uri = uri
        self.playlist.listed.append(done)
        self._next = Listed(done.msn + 1, done.discontinuity, done.init)

    def finish(self) -> Playlist:
        if self._next.parts:
            self.playlist.listed.append(self._next)
        return self.playlist


def read(text: str) -> Playlist:
    """Return what a media playlist says."""
    lines = text.splitlines()
    assert lines[0] == "#EXTM3U"
    assert text.endswith("\n")
    reading = _Reading()
    for line in lines[1:]:
        reading.line(line)
    return reading.finish()


def check(text: str) -> Playlist:
    """Return what a playlist says when it breaks no rule."""
    playlist = read(text)
    target_s = int(playlist.tags["#EXT-X-TARGETDURATION"])
    assert int(playlist.tags["#EXT-X-VERSION"]) >= (9 if playlist.skipped else 6)
    _check_segments(playlist, target_s=target_s)
    if playlist.is_ended:
        assert not any(segment.parts for segment in playlist.listed)
        assert not playlist.hint
        assert not playlist.control
        return playlist
    assert float(playlist.control["CAN-SKIP-UNTIL"]) >= 6 * target_s
    assert float(playlist.control["HOLD-BACK"]) >= 3 * target_s
    assert playlist.control["CAN-BLOCK-RELOAD"] == "YES"
    if "#EXT-X-PART-INF" in playlist.tags:
        _check_parts(playlist, target_s=target_s)
    else:
        assert not any(segment.parts for segment in playlist.listed)
        assert not playlist.hint
        assert "PART-HOLD-BACK" not in playlist.control
    return playlist


def _check_segments(playlist: Playlist, *, target_s: int) -> None:
    for segment in playlist.listed:
        assert segment.init or playlist.skipped, "4.4.4.5: nothing says how to begin"
        assert segment.at is not None
    for segment in playlist.closed:
        assert round(segment.duration_s) <= target_s, "4.4.3.1"
        found = _NAME.fullmatch(segment.uri)
        assert found is not None
        assert int(found["msn"]) == segment.msn
    for before, after in zip(playlist.listed, playlist.listed[1:], strict=False):
        assert after.at is not None
        assert before.at is not None
        assert after.at > before.at
        assert (after.discontinuity == before.discontinuity) == (after.init == before.init), (
            "a run has one init section"
        )
        if after.discontinuity == before.discontinuity:
            assert abs((after.at - before.at).total_seconds() - before.duration_s) < 0.02, "4.4.4.6: dates drift"
    names = [segment.uri for segment in playlist.closed]
    assert len(names) == len(set(names))


def _check_parts(playlist: Playlist, *, target_s: int) -> None:
    part_target_s = float(attributes(playlist.tags["#EXT-X-PART-INF"])["PART-TARGET"])
    # What is written has six digits.
    assert round(3 * part_target_s, 6) <= float(playlist.control["PART-HOLD-BACK"]), "4.4.3.8"
    with_parts = [segment.msn for segment in playlist.listed if segment.parts]
    last_three = [segment.msn for segment in playlist.listed[-3:]]
    assert set(with_parts) <= set(last_three)
    assert all(segment.parts or segment.is_gap for segment in playlist.listed[-3:])
    for segment in playlist.listed:
        for place, part in enumerate(segment.parts):
            found = _NAME.fullmatch(part["URI"])
            assert found is not None
            assert (int(found["msn"]), int(found["part"])) == (segment.msn, place)
            duration_s = float(part["DURATION"])
            assert duration_s <= part_target_s, "4.4.4.9"
            assert duration_s >= 0.85 * part_target_s or place == len(segment.parts) - 1, "4.4.4.9"
        if segment.uri and segment.parts:
            assert abs(sum(float(part["DURATION"]) for part in segment.parts) - segment.duration_s) < 0.000_1
            assert segment.parts[0].get("INDEPENDENT") == "YES"
    hinted = _NAME.fullmatch(playlist.hint)
    assert hinted is not None
    if playlist.listed:
        assert (int(hinted["msn"]), int(hinted["part"])) == playlist.end, "4.4.5.3: not the part that comes next"


def joined(earlier: str, delta: str) -> str:
    """Return the playlist that a player makes of a delta update and what it has. Source: RFC 8216bis 6.3.7."""
    update = read(delta)
    if not update.skipped:
        return delta
    first_msn = int(update.tags["#EXT-X-MEDIA-SEQUENCE"])
    had = _by_segment(earlier)
    skipped = [had[msn] for msn in range(first_msn, first_msn + update.skipped)]
    # What marks the beginning of a run does so only behind another.
    first = [line for line in skipped[0] if line != "#EXT-X-DISCONTINUITY"]
    if not any(line.startswith("#EXT-X-MAP") for line in first):
        first.insert(0, f'#EXT-X-MAP:URI="{next(s.init for s in read(earlier).listed if s.msn == first_msn)}"')
    lines = delta.splitlines()
    place = next(index for index, line in enumerate(lines) if line.startswith("#EXT-X-SKIP"))
    lines[place : place + 1] = [*first, *(line for segment in skipped[1:] for line in segment)]
    return "\n".join(lines) + "\n"


def _by_segment(text: str) -> dict[int, list[str]]:
    """Return each closed segment's lines, without its parts'."""
    found: dict[int, list[str]] = {}
    lines: list[str] = []
    playlist = read(text)
    msn = playlist.first_msn
    for line in text.splitlines():
        if line.startswith(("#EXT-X-MAP", "#EXT-X-PROGRAM", "#EXTINF", "#EXT-X-GAP")) or line == "#EXT-X-DISCONTINUITY":
            lines.append(line)
        elif not line.startswith("#"):
            found[msn] = [*lines, line]
            msn, lines = msn + 1, []
    return found
