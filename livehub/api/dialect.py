"""A dialect: what one vendor's clients expect that is the same for every endpoint."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from rest_framework.authentication import BaseAuthentication

from livehub.api.errors import Problem

JsonObject = dict[str, object]


# Compared and hashed by identity: each vendor has one.
@dataclass(frozen=True, eq=False)
class Dialect:
    """Passed to every view through `as_view(dialect=...)`; a view never asks which one it has."""

    name: str
    authentication: type[BaseAuthentication]
    # Our word for a livestream's status -> theirs.
    status_words: Mapping[str, str]
    # data -> body
    envelope: Callable[[object], JsonObject]
    # (name of the list, its items, paging) -> body
    list_body: Callable[[str, Sequence[object], JsonObject], JsonObject]
    error_body: Callable[[Problem], JsonObject]
    # Further words that its clients ask for in filters -> the word that they mean.
    status_synonyms: Mapping[str, str] = field(default_factory=dict)

    def statuses_called(self, word: str) -> frozenset[str]:
        """Return our statuses that a client means by this word; empty when the dialect does not have it."""
        meant = self.status_synonyms.get(word, word)
        return frozenset(ours for ours, theirs in self.status_words.items() if theirs == meant)

    @property
    def filter_words(self) -> list[str]:
        """The words that a client may filter by, sorted."""
        return sorted({*self.status_words.values(), *self.status_synonyms})
