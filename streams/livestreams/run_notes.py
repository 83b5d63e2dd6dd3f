"""What a run tells of its encoder in the timeline of its session, beside changes of status."""

from django.db import transaction

from livehub.core.lengths import length_words
from streams.livestreams.leases import note_interruption
from streams.livestreams.lifecycle import note, tell_pages
from streams.livestreams.locks import lock_held_session
from streams.livestreams.models import Lease
from streams.livestreams.states import EventKind


@transaction.atomic
def note_break(lease: Lease, kind: EventKind, *, message: str) -> None:
    """Say that the encoder is pulled again, while the run goes on with the slate.

    :raises LeaseLostError: when the session is over or another worker's.
    """
    session = lock_held_session(lease)
    note_interruption(session, kind, reason=message)
    tell_pages(session.livestream)


@transaction.atomic
def note_silence(lease: Lease, *, instead: str) -> None:
    """Say that the encoder is connected and sends nothing; `instead` is what viewers see.

    :raises LeaseLostError: when the session is over or another worker's.
    """
    _tell(lease, EventKind.SILENT, reason=f"Nothing comes from it; viewers see {instead}.")


@transaction.atomic
def note_end_of_silence(lease: Lease, *, silent_s: float, count: int) -> None:
    """Say that its picture is there again: after how long, in how many silences since the last that was told.

    :raises LeaseLostError: when the session is over or another worker's.
    """
    seconds = max(1, round(silent_s))
    length = length_words(seconds)
    reason = f"After {length}" if count == 1 else f"It was silent {count} times within a moment, for {length} in all"
    _tell(lease, EventKind.SENDS_AGAIN, reason=reason, silent_s=seconds)


@transaction.atomic
def note_not_held(lease: Lease) -> None:
    """Say that the last picture cannot be shown.

    :raises LeaseLostError: when the session is over or another worker's.
    """
    _tell(lease, EventKind.NOT_HELD, reason="The last picture could not be decoded; the server's log says why")


def _tell(lease: Lease, kind: EventKind, *, reason: str, **data: object) -> None:
    session = lock_held_session(lease)
    note(session, kind, reason=reason, **data)
    tell_pages(session.livestream)
