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
from streams.recordings.models import Recording
from streams.recordings.stores.base import StoreError
from streams.recordings.storing import store_of

logger = logging.getLogger(__name__)

# Source: RealtimeKit, "links live 7 days".
LINK_S = 7 * 86400
_SALT = "livehub.recording"


@dataclass(frozen=True)
class DownloadLink:
    """Where a recording can be fetched, and until when."""

    url: str
    expires_at: datetime


def download_link(recording: Recording) -> DownloadLink | None:
    """Return a link to the file; None while there is none."""
    if not recording.is_stored:
        return None
    expires_at = clock.now() + timedelta(seconds=LINK_S)
    try:
        url = store_of(recording).link(
            recording.object_name, expires_s=LINK_S, file_name=recording.output_file_name
        ) or own_link(recording.pk, expires_at=expires_at)
    except StoreError as error:
        # Its storage was deleted or changed since: whoever owns it fetches it there.
        logger.info("no link recording=%s code=%s", recording.pk, error.code)
        return None
    return DownloadLink(url, expires_at)


def own_link(recording_id: UUID, *, expires_at: datetime) -> str:
    """Return a link of ours."""
    path = reverse("streams:recording_file", args=[recording_id])
    return f"{settings.PUBLIC_URL}{path}?{urlencode({'token': _token(recording_id, expires_at=expires_at)})}"


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
