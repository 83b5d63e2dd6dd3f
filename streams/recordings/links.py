"""Where a recording is had from.

Links let whoever has one fetch it for a while: the store's own, or ours where it has none. What it is played by are
addresses below its livestream's, which let in whoever may watch that, and stay the same.
"""

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
from streams.livestreams import addresses
from streams.recordings.files import RecordedFile, sound_file, video_file
from streams.recordings.models import Recording
from streams.recordings.stores.base import StoreError
from streams.recordings.storing import store_of

logger = logging.getLogger(__name__)

# Source: RealtimeKit, "links live 7 days".
LINK_S = 7 * 86400
# What a link of ours asks for where it is not the file as it is.
SOUND = "m4a"
POSTER = "poster"
POSTER_NAME, STORYBOARD_NAME = "pictures/poster.jpg", "storyboard.vtt"
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


def sound_link(recording: Recording) -> DownloadLink | None:
    """Return a link to its sound alone, in an M4A that is made when it is asked for; None while there is none."""
    if not recording.is_stored or not recording.has_sound:
        return None
    expires_at = clock.now() + timedelta(seconds=LINK_S)
    return DownloadLink(own_link(recording.pk, expires_at=expires_at, form=SOUND), expires_at)


def poster_link(recording: Recording) -> str:
    """Return a link to its poster for the organization's own pages; the same for a day, so that browsers keep it.

    Empty while there is none.
    """
    if not recording.is_stored or not recording.has_stills:
        return ""
    today = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return own_link(recording.pk, expires_at=today + timedelta(days=2), form=POSTER)


def own_link(recording_id: UUID, *, expires_at: datetime, form: str = "") -> str:
    """Return a link of ours: to the recording's file, or to another `form` of it."""
    path = reverse("streams:recording_file", args=[recording_id])
    asked = {"as": form} if form else {}
    query = urlencode({"token": _token(recording_id, expires_at=expires_at), **asked})
    return f"{settings.PUBLIC_URL}{path}?{query}"


def playback_url(recording: Recording) -> str | None:
    """Return the address of its HLS video on demand; its livestream must be loaded.

    Whoever may watch the livestream may play it: of a signed one a viewer's token is put in as in the livestream's own
    address. None while it is not stored, and where the livestream is gone.
    """
    return _played(recording, addresses.PLAYLIST_NAME) if recording.is_stored else None


def poster_url(recording: Recording) -> str | None:
    """Return the address of a picture of it, a JPEG, to be had like `playback_url`; None while there is none."""
    return _played(recording, POSTER_NAME) if recording.is_stored and recording.has_stills else None


def storyboard_url(recording: Recording) -> str | None:
    """Return the address of the pictures for its scrub bar, WebVTT whose cues are parts of JPEGs, like `poster_url`."""
    return _played(recording, STORYBOARD_NAME) if recording.is_stored and recording.has_stills else None


def _played(recording: Recording, name: str) -> str | None:
    livestream = recording.livestream
    if livestream is None or livestream.deleted_at is not None:
        return None
    return f"{settings.PUBLIC_URL}{addresses.recorded_path(livestream.playback_id, recording.pk, name)}"


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
