"""A broadcast that is watched: who of its viewers is known, and by what."""

from dataclasses import dataclass, field
from uuid import UUID

from analytics.counting.batch import ViewChange
from analytics.counting.households import Household
from analytics.counting.viewing import Stay

# What requests are sent with, and how long: players say the same each time, and what is longer is looked at each time.
_NAMES_KEPT, _LONGEST_NAME = 50_000, 256


@dataclass
class WatchedBroadcast:
    """`id` is the name of its session's folder."""

    id: str
    # By what requests were sent with, as it was sent, and by what that means.
    by_name: dict[str, Stay] = field(default_factory=dict)
    by_identity: dict[tuple[str, str], Stay] = field(default_factory=dict)
    households: dict[tuple[str, str], Household] = field(default_factory=dict)
    # Of before a restart, by their hashes, until they are heard of again.
    kept: dict[bytes, list[Stay]] = field(default_factory=dict)
    stays: dict[UUID, Stay] = field(default_factory=dict)

    def note_name(self, name: str, stay: Stay) -> None:
        """Know who that is when the same is sent again."""
        if len(name) <= _LONGEST_NAME:
            if len(self.by_name) >= _NAMES_KEPT:
                self.by_name.clear()
            self.by_name[name] = stay

    def forget(self) -> None:
        """Forget by what those were known who are over."""
        self.by_name = {name: stay for name, stay in self.by_name.items() if not stay.is_over}
        self.by_identity = {name: stay for name, stay in self.by_identity.items() if not stay.is_over}
        for key, found in list(self.households.items()):
            found.stays = [stay for stay in found.stays if not stay.is_over]
            if not found.stays:
                del self.households[key]
        for hashed, stays in list(self.kept.items()):
            if all(stay.is_over for stay in stays):
                del self.kept[hashed]


def change_of(stay: Stay, session: str) -> ViewChange:
    """Return a view as it is now."""
    return ViewChange(
        stay.id,
        session,
        stay.viewer,
        stay.identity,
        stay.device,
        stay.country,
        stay.began_ms,
        max(stay.last_ms, stay.heard_of_ms),
        stay.watched_ms,
        stay.has_begun,
        None if stay.is_over else stay.keep(),
        stay.reported.figures(is_over=stay.is_over) if stay.reported else None,
    )
