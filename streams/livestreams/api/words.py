"""What each vendor calls a livestream's status."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from streams.livestreams.states import LivestreamStatus


# Compared and hashed by identity: each vendor has one.
@dataclass(frozen=True, eq=False)
class StatusWords:
    """One vendor's words."""

    # Our word -> theirs.
    words: Mapping[str, str]
    # Further words that its clients ask for in filters -> the word that they mean.
    synonyms: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, status: str) -> str:
        return self.words[status]

    def statuses_called(self, word: str) -> frozenset[str]:
        """Return our statuses that a client means by this word; empty when the vendor does not have it."""
        meant = self.synonyms.get(word, word)
        return frozenset(ours for ours, theirs in self.words.items() if theirs == meant)

    @property
    def for_filters(self) -> list[str]:
        """The words that a client may filter by, sorted."""
        return sorted({*self.words.values(), *self.synonyms})


# Source: Dyte v2. Its clients know OFFLINE from the answers; its OpenAPI description says IDLE.
DYTE_WORDS = StatusWords(
    {
        LivestreamStatus.IDLE: "OFFLINE",
        LivestreamStatus.CONNECTING: "INVOKED",
        LivestreamStatus.STANDBY: "INVOKED",
        LivestreamStatus.LIVE: "LIVE",
        LivestreamStatus.RECONNECTING: "LIVE",
        LivestreamStatus.ERRORED: "ERRORED",
    },
    synonyms={"IDLE": "OFFLINE"},
)
# Source: Cloudflare RealtimeKit, and the types of its Python SDK 5.9.0.
REALTIMEKIT_WORDS = StatusWords(
    {
        LivestreamStatus.IDLE: "IDLE",
        LivestreamStatus.CONNECTING: "INVOKED",
        LivestreamStatus.STANDBY: "INVOKED",
        LivestreamStatus.LIVE: "LIVE",
        LivestreamStatus.RECONNECTING: "LIVE",
        LivestreamStatus.ERRORED: "ERRORED",
    }
)
