"""What happens to livestreams, in the past tense."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class LivestreamCreated:
    livestream_id: UUID


@dataclass(frozen=True)
class LivestreamChanged:
    """Name, key, or whether it is disabled."""

    livestream_id: UUID


@dataclass(frozen=True)
class LivestreamDeleted:
    livestream_id: UUID


@dataclass(frozen=True)
class PublishRefused:
    """An encoder with a known key was turned away."""

    livestream_id: UUID


@dataclass(frozen=True)
class SessionStatusChanged:
    """A session began (`old` empty), went live, or is over."""

    livestream_id: UUID
    session_id: UUID
    old: str
    new: str


@dataclass(frozen=True)
class SessionResumed:
    """A live session is played from another run's files: players have to load it again."""

    livestream_id: UUID
    session_id: UUID
