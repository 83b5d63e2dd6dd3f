"""What an operator is told beside the findings of the ingest doctor: what the machine or a quota does not bear."""

from collections.abc import Iterator, Mapping
from datetime import UTC
from typing import Any

from streams.livestreams.models import Session
from streams.organizations.quotas import broadcast_quota_kbps

# From this share of the quota on, so that there is time before a broadcast is ended.
_NEAR_QUOTA = 0.9


def advise(session: Session) -> list[str]:
    """Return a sentence for each thing that does not go of an open session; none for one that is over."""
    connection = session.connection
    if not session.is_open or not session.sent or connection is None:
        return []
    measured = connection.measured or session.source
    about_load = advise_about_load(session)
    return [
        *([about_load] if about_load else []),
        *_about_bitrate(session, measured),
    ]


def advise_about_load(session: Session) -> str:
    """Return which renditions a busy machine does without, and since when; empty for a session that has them all."""
    if not session.left_out or session.left_out_since is None:
        return ""
    since = f"since {session.left_out_since.astimezone(UTC):%H:%M} UTC, because this machine is too busy"
    if len(session.left_out) == 1:
        return f"{session.left_out[0]} is left out {since}; it comes back by itself."
    return f"{' and '.join(session.left_out)} are left out {since}; they come back by themselves."


def _about_bitrate(session: Session, measured: Mapping[str, Any]) -> Iterator[str]:
    quota_kbps = broadcast_quota_kbps(session.livestream.app.organization)
    kbps = measured.get("video_kbps", 0) + measured.get("audio_kbps", 0)
    if kbps > quota_kbps * _NEAR_QUOTA:
        yield (
            f"The encoder sends {kbps / 1000:.1f} Mbit/s, and your organization's limit is {quota_kbps / 1000:g}. "
            "Set the encoder to a lower bitrate: far above that, a broadcast is ended."
        )
