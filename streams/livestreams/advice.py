"""What is wrong with what an encoder sends, and the sentence that mends it."""

from collections.abc import Iterator, Mapping
from typing import Any

from streams.livestreams.models import Session

# Viewers wait for a key frame when they come, and each segment ends at one.
_LONGEST_GOP_S = 4.0


def advise(session: Session) -> list[str]:
    """Return a sentence for each fault of the source of an open session; none for one that is over."""
    connection = session.connection
    if not session.is_open or not session.source or connection is None:
        return []
    return [*_about(session.source, connection.measured or session.source)]


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
