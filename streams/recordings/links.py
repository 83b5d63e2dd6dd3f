"""Links that let whoever has one fetch a recording for a while: the store's own, or ours where it has none."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse

from livehub.core import clock
from livehub.core.links import LinkUnusableError
from streams.recordings.files import RecordedFile, sound_file, video_file
from streams.recordings.models import Recording
from streams.recordings.stores.base import StoreError
from streams.recordings.storing import store_of

logger = logging.getLogger(__name__)

# Source: RealtimeKit, "links live 7 days".
LINK_S = 7 * 86400
_SALT = "livehub.recording"


# What a link of ours asks for: the file of the sound alone that was asked for with the recording.
SOUND_FILE = "audio"


@dataclass(frozen=True)
class DownloadLink:
    """Where a recording can be fetched, and until when."""

    url: str
    expires_at: datetime


def download_link(recording: Recording) -> DownloadLink | None:
    """Return a link to the recording's file; None while there is none, or where it has none."""
    return _link(recording, video_file(recording))


def sound_file_link(recording: Recording) -> DownloadLink | None:
    """Return a link to the file of its sound alone; None where none was asked for, or is there yet."""
    return _link(recording, sound_file(recording), form=SOUND_FILE)


def _link(recording: Recording, file: RecordedFile | None, *, form: str = "") -> DownloadLink | None:
    if file is None:
        return None
    expires_at = clock.now() + timedelta(seconds=LINK_S)
    try:
        url = store_of(recording).link(file.object_name, expires_s=LINK_S, file_name=file.file_name) or own_link(
            recording.pk, expires_at=expires_at, form=form
        )
    except StoreError as error:
        # Its storage was deleted or changed since: whoever owns it fetches it there.
        logger.info("no link recording=%s code=%s", recording.pk, error.code)
        return None
    return DownloadLink(url, expires_at)


def own_link(recording_id: UUID, *, expires_at: datetime, form: str = "") -> str:
    """Return a link of ours: to the recording's file, or to another `form` of it."""
    path = reverse("streams:recording_file", args=[recording_id])
    asked = {"as": form} if form else {}
    query = urlencode({"token": _token(recording_id, expires_at=expires_at), **asked})
    return f"{settings.PUBLIC_URL}{path}?{query}"


def check_token(recording_id: UUID, token: str) -> None:
    """Accept what a link of ours carries.

    :raises LinkUnusableError: when it is none, another recording's, or its time is over.
    """
    try:
        until_s, _, rest = Signer(salt=_SALT).unsign(token).partition(".")
        is_good = rest == recording_id.hex and int(until_s) >= clock.now().timestamp()
    except (BadSignature, ValueError):
        is_good = False
    if not is_good:
        raise LinkUnusableError("This link has run out, or is not one of ours. Ask for the recording again.")


def _token(recording_id: UUID, *, expires_at: datetime) -> str:
    return Signer(salt=_SALT).sign(f"{int(expires_at.timestamp())}.{recording_id.hex}")
