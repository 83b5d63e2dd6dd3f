"""What a collector has counted, as it is written down.

`session` is the name of a session's folder, by which an edge knows it.
"""

from typing import Annotated
from uuid import UUID

import msgspec


class Position(msgspec.Struct, frozen=True):
    """How far an edge's log is counted: bytes of the file whose first line has that id."""

    file_id: str = ""
    offset: int = 0


class ReportedFigures(msgspec.Struct):
    """What a player has reported of a view, as rows of views have it."""

    startup_ms: int | None
    played_ms: int
    stalled_ms: int
    stalls: int
    latency_ms: int | None
    latency_measured_ms: int
    dropped_frames: int | None
    failed: bool
    error_code: str | None
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
    session: str
    viewer: bytes
    identity: str
    device: str
    country: str | None
    began_ms: int
    last_ms: int
    watched_ms: int
    has_begun: bool
    state: bytes | None
    # None where the player reports nothing.
    reported: ReportedFigures | None = None

    @property
    def is_kept(self) -> bool:
        return self.state is not None or self.has_begun or (self.reported is not None and self.reported.is_told)


class Added(msgspec.Struct):
    """What came to one minute; `minute` counts them since 1970."""

    session: str
    minute: int
    rendition: str
    device: str
    country: str
    watched_ms: int
    views: int


class LogBatch(msgspec.Struct):
    """Everything between two positions: written down in one transaction, or not at all."""

    edge: str
    after: Position
    until: Position
    lines: int
    rejected: dict[str, int]
    views: list[ViewChange]
    added: list[Added]


class EdgeName(msgspec.Struct):
    """An edge that begins to count."""

    edge: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]


class Watching(msgspec.Struct):
    """Who watches a broadcast through one edge: told apart by an id, and by address alone."""

    session: str
    counted: int
    estimated: int


class WatchingNow(msgspec.Struct):
    """Who watches all broadcasts that anybody watches, as of a time."""

    edge: str
    at_ms: int
    broadcasts: list[Watching]


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
