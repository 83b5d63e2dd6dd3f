"""What a collector has counted, as it is written down.

`session` is the name of a session's folder, by which an edge knows it. What an edge node sends is checked against all
bounds that stand here: they are wider than anything that is counted, and what is within them can be written down.
"""

from typing import Annotated
from uuid import UUID

import msgspec

_Folder = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{16}\Z")]
_Identity = Annotated[str, msgspec.Meta(pattern=r"\A[a-z]{1,8}\Z")]
_Device = Annotated[str, msgspec.Meta(pattern=r"\A(?:desktop|mobile|tablet|tv|other)\Z")]
_Rendition = Annotated[str, msgspec.Meta(pattern=r"\A(?:[av][0-9]{1,2}|unknown)?\Z")]
# Printable ASCII, which a NUL is not.
_Name = Annotated[str, msgspec.Meta(max_length=32, pattern=r"\A[ -~]*\Z")]
# To the year 2200, since 1970.
_MS_MOST = 7_258_118_400_000
_Ms = Annotated[int, msgspec.Meta(ge=0, le=_MS_MOST)]
_Minute = Annotated[int, msgspec.Meta(ge=0, le=_MS_MOST // 60_000)]
# What rows have room for; of what is added up, a thousand years of an edge's.
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
_Total = Annotated[int, msgspec.Meta(ge=0, le=10**13)]


class Position(msgspec.Struct, frozen=True):
    """How far an edge's log is counted: bytes of the file whose first line has that id."""

    file_id: _Name = ""
    offset: _Total = 0


class ReportedFigures(msgspec.Struct):
    """What a player has reported of a view, as rows of views have it."""

    startup_ms: _Count | None
    played_ms: _Total
    stalled_ms: _Total
    stalls: _Count
    latency_ms: _Count | None
    latency_measured_ms: _Total
    dropped_frames: _Count | None
    failed: bool
    error_code: _Name | None
    exited_before_start: bool

    @property
    def is_told(self) -> bool:
        """Whether it was asked for, and came to something: pictures, a failure, or an exit before the first one."""
        return self.failed or self.exited_before_start or self.startup_ms is not None or self.played_ms > 0


class ViewChange(msgspec.Struct):
    """A view as it is now; `state` is None once it is over.

    One that is over and has not begun is removed, but for whose player has said how it went: `is_kept`. That of who saw
    something stays as that of who saw nothing does, be it that nobody can tell what was delivered to them.
    """

    id: UUID
    session: _Folder
    viewer: Annotated[bytes, msgspec.Meta(max_length=64)]
    identity: _Identity
    device: _Device
    country: Annotated[str, msgspec.Meta(pattern=r"\A[A-Z]{2}\Z")] | None
    began_ms: _Ms
    last_ms: _Ms
    watched_ms: _Total
    has_begun: bool
    state: bytes | None
    # None where the player reports nothing.
    reported: ReportedFigures | None = None

    @property
    def is_kept(self) -> bool:
        return self.state is not None or self.has_begun or (self.reported is not None and self.reported.is_told)


class Added(msgspec.Struct):
    """What came to one minute; `minute` counts them since 1970."""

    session: _Folder
    minute: _Minute
    rendition: _Rendition
    device: _Device
    country: Annotated[str, msgspec.Meta(pattern=r"\A(?:[A-Z]{2})?\Z")]
    watched_ms: _Total
    views: _Count


_EdgeName = Annotated[str, msgspec.Meta(min_length=1, max_length=32, pattern=r"\A[ -~]+\Z")]


class LogBatch(msgspec.Struct):
    """Everything between two positions: written down in one transaction, or not at all."""

    edge: _EdgeName
    after: Position
    until: Position
    lines: _Total
    rejected: Annotated[dict[_Name, _Total], msgspec.Meta(max_length=32)]
    views: list[ViewChange]
    added: list[Added]


class EdgeName(msgspec.Struct):
    """An edge that begins to count."""

    edge: _EdgeName


class Watching(msgspec.Struct):
    """Who watches a broadcast through one edge: told apart by an id, and by address alone."""

    session: _Folder
    counted: _Count
    estimated: _Count


class WatchingNow(msgspec.Struct):
    """Who watches all broadcasts that anybody watches, as of a time; `is_leaving`: its collector ends, and knows."""

    edge: _EdgeName
    at_ms: _Ms
    broadcasts: list[Watching]
    is_leaving: bool = False


class KeptView(msgspec.Struct):
    """A view that goes on after its collector was started again."""

    id: UUID
    session: str
    viewer: bytes
    identity: str
    device: str
    country: str | None
    began_ms: int
    state: bytes


class LogOpened(msgspec.Struct):
    """Where a collector goes on: its position, its views, and the salts of yesterday, today and tomorrow by day."""

    position: Position
    views: list[KeptView]
    salts: dict[int, bytes]
