"""What is to be made of a recording that is over, and how: by what was asked for, and what was broadcast."""

from ipaddress import ip_network
from pathlib import Path

from django.conf import settings

from streams.media.recording.index import TrackKind
from streams.media.rendering import Overlay, PictureError, TransientRenderingError, VideoForm
from streams.recordings.models import Recording, Rendering
from streams.recordings.renditions import FileForm
from streams.recordings.selectors import picture_sizes
from streams.recordings.states import RenderingKind
from streams.recordings.stores.base import StoreError
from streams.recordings.stores.line import Line

_CONTENT_TYPES = {
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".m4a": "audio/mp4",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
}
# A picture to be laid over: as many bytes as it may have, and how long its server may take.
_PICTURE_BYTES = 5 << 20
_PICTURE_S = 20.0
_HTTP_OK = 200
# What servers answer that may do better another time.
_BUSY, _FAULTY = 429, 500
# A broadcast without pictures has no other.
_NO_SIZE = (1280, 720)


def plan_renderings(recording: Recording) -> bool:
    """Have made of a locked recording what was asked for; tell whether anything is to be."""
    if recording.rendition is None:
        return False
    wanted = FileForm.read(recording.rendition)
    stem = recording.output_file_name.removesuffix(wanted.suffix)
    folder = recording.object_name.removesuffix(recording.object_name.rpartition("/")[2])
    is_met = wanted.copies_pictures(picture_sizes(recording)) and wanted.copies_sound
    own = f"{folder}{recording.output_file_name}"
    names = dict[RenderingKind, str]()
    if wanted.has_video_file and recording.object_name != own:
        names[RenderingKind.VIDEO] = own
    elif wanted.has_video_file and not is_met:
        # Another encoder came that nobody could know of; what was broadcast has the name.
        names[RenderingKind.VIDEO] = f"{folder}{stem}.rendered{wanted.suffix}"
    if wanted.has_sound_file and recording.inits.filter(slot__startswith=TrackKind.AUDIO).exists():
        names[RenderingKind.AUDIO] = f"{folder}{stem}{wanted.sound_suffix}"
    Rendering.objects.bulk_create(
        Rendering(
            recording=recording,
            kind=kind,
            node=recording.node,
            file_name=name.removeprefix(folder),
            object_name=name,
            content_type=_CONTENT_TYPES[Path(name).suffix],
        )
        for kind, name in names.items()
    )
    return bool(names)


def video_form(recording: Recording, wanted: FileForm, folder: Path) -> VideoForm:
    """Return what the picture is to be like; one that is to be laid over it is fetched into the folder.

    :raises PictureError: when it cannot be had.
    :raises TransientRenderingError: when it may be had another time.
    """
    sizes = picture_sizes(recording)
    width, height = wanted.size_of(sizes[0] if sizes else _NO_SIZE)
    overlay = None
    if wanted.watermark_url:
        overlay = Overlay(
            path=_fetched(wanted.watermark_url, folder),
            position=wanted.watermark_position,
            width=wanted.watermark_width,
            height=wanted.watermark_height,
        )
    copies = wanted.copies_pictures(sizes)
    return VideoForm(codec=wanted.codec, width=width, height=height, overlay=overlay, copies=copies)


def _fetched(url: str, folder: Path) -> Path:
    """Return a file of the picture at an address.

    :raises PictureError: when it cannot be had.
    :raises TransientRenderingError: when it may be had another time.
    """
    allowed = tuple(ip_network(text) for text in settings.OUTGOING_ALLOWED_NETWORKS)
    try:
        with Line(allowed=allowed, seconds=_PICTURE_S) as line:
            answer = line.request("GET", url, headers={"Accept": "image/*"}, answer_bytes=_PICTURE_BYTES)
    except StoreError as error:
        kind = TransientRenderingError if error.retryable else PictureError
        raise kind(f"The watermark cannot be fetched: {error.reason}") from error
    if answer.status != _HTTP_OK:
        kind = TransientRenderingError if answer.status == _BUSY or answer.status >= _FAULTY else PictureError
        raise kind(f"The watermark cannot be fetched: its server answers {answer.status}.")
    path = folder / "watermark"
    path.write_bytes(answer.content)
    return path
