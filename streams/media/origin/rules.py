"""Who may play a livestream: what the web program says of it, and what follows from that for one viewer."""

import hashlib
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import cast

from streams.media.viewer_tokens import PlaybackRefusedError, UncheckedToken, ViewerToken, open_token


@dataclass(frozen=True)
class Viewer:
    """Who wants to play, and what: empty where none was sent, or none that can be."""

    playback_id: str
    token: str = field(default="", repr=False)
    origin: str = ""


@dataclass(frozen=True)
class PlaybackPermission:
    """Somebody may play."""

    # None for whoever comes.
    expires_at: datetime | None
    # Whether pages of other origins may get another answer.
    depends_on_origin: bool
    # Who is to be counted; empty for those who are not.
    viewer_id: str = ""
    # Who it is for those who only tell viewers apart: a hash, empty for whoever comes.
    pseudonym: str = ""


@dataclass(frozen=True)
class Rules:
    """What holds for a livestream's viewers, all of them.

    `keys` are the secrets of those whose tokens play, by their ids; `revoked` are the viewers who were sent away, with
    when, in seconds since 1970; `members` are those whom our own pages may show it to. All are empty for a livestream
    that everybody may play.
    """

    is_signed: bool
    # Empty for all.
    allowed_origins: tuple[str, ...]
    # Our own pages', which may always.
    own_origin: str
    # How many may play at once; None for no limit.
    places: int | None = None
    keys: dict[str, str] = field(default_factory=dict, repr=False)
    revoked: dict[str, float] = field(default_factory=dict)
    members: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def of_json(cls, said: dict[str, object]) -> "Rules":
        """Read what `as_json` has written."""
        lists = {name: tuple(cast("list[str]", said[name])) for name in ("allowed_origins", "members")}
        return cls(**{**said, **lists})  # type: ignore[arg-type]  # Its own.

    def check(self, viewer: Viewer) -> PlaybackPermission:
        """Return the permission to play.

        :raises PlaybackRefusedError: when it may not be played with that.
        """
        self._check_origin(viewer.origin, self.allowed_origins)
        if not self.is_signed:
            # Whoever has a public livestream's address may have anything in front of it.
            return PlaybackPermission(None, depends_on_origin=bool(self.allowed_origins))
        unchecked = open_token(viewer.token)
        shown = self._read(unchecked)
        if shown.playback_id != viewer.playback_id:
            raise PlaybackRefusedError
        self._check_origin(viewer.origin, (shown.origin,) if shown.origin else ())
        if not unchecked.is_own:
            self._check_viewer(shown)
        elif shown.viewer_id not in self.members:
            raise PlaybackRefusedError
        is_counted = self.places is not None and not unchecked.is_own
        return PlaybackPermission(
            shown.expires_at,
            depends_on_origin=bool(self.allowed_origins or shown.origin),
            viewer_id=shown.viewer_id if is_counted else "",
            pseudonym=_pseudonym(shown),
        )

    def _read(self, token: UncheckedToken) -> ViewerToken:
        secret = self.keys.get(token.key_id)
        if secret is None:
            raise PlaybackRefusedError
        return token.read(secret)

    def _check_origin(self, origin: str, allowed: tuple[str, ...]) -> None:
        """Refuse another page's script. Our own pages' players, and those that are no browser, send no origin."""
        if origin and allowed and origin not in allowed and origin != self.own_origin:
            raise PlaybackRefusedError

    def _check_viewer(self, shown: ViewerToken) -> None:
        revoked_at_s = self.revoked.get(shown.viewer_id)
        # A token says whole seconds: one of the same second may be from before.
        if revoked_at_s is not None and shown.issued_at.timestamp() <= revoked_at_s:
            raise PlaybackRefusedError


def _pseudonym(shown: ViewerToken) -> str:
    named = f"{shown.playback_id} {shown.viewer_id}".encode()
    return hashlib.sha256(named).hexdigest()[:32] if shown.viewer_id else ""
