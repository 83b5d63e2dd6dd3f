"""What is wrong with what an encoder sends, and the sentence that mends it; and what the machine cannot do with it."""

from collections.abc import Iterator, Mapping
from datetime import UTC
from typing import Any

from streams.livestreams.models import Session
from streams.organizations.quotas import broadcast_quota_kbps

# Viewers wait for a key frame when they come, and each segment ends at one.
_LONGEST_GOP_S = 4.0
# From this share of the quota on, so that there is time before a broadcast is ended.
_NEAR_QUOTA = 0.9


def advise(session: Session) -> list[str]:
    """Return a sentence for each fault of the source of an open session; none for one that is over."""
    connection = session.connection
    if not session.is_open or not session.sent or connection is None:
        return []
    measured = connection.measured or session.source
    return [*_about_load(session), *_about(session.source, measured), *_about_bitrate(session, measured)]


def _about(source: Mapping[str, Any], measured: Mapping[str, Any]) -> Iterator[str]:
    gop_s = measured.get("gop_s", 0)
    if gop_s > _LONGEST_GOP_S:
        yield (
            f"Key frames come only every {gop_s:.0f} seconds, so viewers wait longer for the picture. "
            "Set the encoder's keyframe interval to 2 s."
        )
    if not source.get("audio_codec"):
        yield "There is no sound in this stream. Add an audio source to the encoder if there should be."
    elif measured.get("audio_kbps") == 0:
        yield "The sound has stopped coming. Check the encoder's audio source."


def _about_load(session: Session) -> Iterator[str]:
    if session.left_out and session.left_out_since is not None:
        since = f"since {session.left_out_since.astimezone(UTC):%H:%M} UTC, because this machine is too busy"
        if len(session.left_out) == 1:
            yield f"{session.left_out[0]} is left out {since}; it comes back by itself."
        else:
            yield f"{' and '.join(session.left_out)} are left out {since}; they come back by themselves."


def _about_bitrate(session: Session, measured: Mapping[str, Any]) -> Iterator[str]:
    quota_kbps = broadcast_quota_kbps(session.livestream.app.organization)
    kbps = measured.get("video_kbps", 0) + measured.get("audio_kbps", 0)
    if kbps > quota_kbps * _NEAR_QUOTA:
        yield (
            f"The encoder sends {kbps / 1000:.1f} Mbit/s, and your organization's limit is {quota_kbps / 1000:g}. "
            "Set the encoder to a lower bitrate: far above that, a broadcast is ended."
        )
