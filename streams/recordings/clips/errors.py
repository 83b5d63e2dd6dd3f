"""Why there is no clip."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from livehub.core.errors import DomainError
from streams.media.journal import JournalError
from streams.recordings.stores.base import StoreError

logger = logging.getLogger(__name__)


class NothingToClipError(DomainError):
    """Nothing that could be shown is there."""

    code = "nothing_to_clip"
    http_status = 400


class RecordingNotStoredError(DomainError):
    """The recording has no file yet, or never will, or nobody can get at it."""

    code = "recording_not_stored"
    http_status = 400


class FilesUnreadableError(DomainError):
    """This machine's disk does not do its part."""

    code = "files_unreadable"
    http_status = 503
    retryable = True


@contextmanager
def told_to_callers() -> Iterator[None]:
    """Tell whoever waits for an answer what is wrong with files and stores.

    :raises RecordingNotStoredError: when a store does not give what was stored there.
    :raises FilesUnreadableError: when files cannot be read, or there is no room for more.
    """
    try:
        yield
    except StoreError as error:
        raise RecordingNotStoredError(f"The recording cannot be read where it is stored: {error.reason}") from error
    except (JournalError, OSError) as error:
        logger.warning("nothing cut", exc_info=error)
        raise FilesUnreadableError("Files on this machine cannot be read or kept. Try again in a minute.") from error
