"""Where the pages find what belongs to recordings."""

from django import template
from django.conf import settings

from streams.recordings.files import told_size
from streams.recordings.links import poster_link
from streams.recordings.models import Recording, Rendering
from streams.recordings.renditions import FileForm
from streams.recordings.states import RenderingKind
from streams.templatetags.dashboard import channels

register = template.Library()

_CODEC_WORDS = {"H264": "H.264", "VORBIS": "Vorbis"}


@register.filter
def poster_path(recording: Recording) -> str:
    """Return where a recording's poster is, of this origin; empty while there is none."""
    link = poster_link(recording)
    return f"{link.removeprefix(settings.PUBLIC_URL)}&play" if link else ""


@register.filter
def file_size(recording: Recording) -> int | None:
    """Return how large the file is that is handed out, in bytes; before it is made, what was broadcast."""
    return told_size(recording) or recording.size


@register.filter
def asked_words(made: Rendering) -> str:
    """Return what a file was asked to be like: VP9, 640x360, watermark, Vorbis stereo; needs its recording."""
    wanted = FileForm.read(made.recording.rendition or {})
    sound = f"{_CODEC_WORDS.get(wanted.sound_codec, wanted.sound_codec)} {channels(wanted.channels)}"
    if made.kind == RenderingKind.AUDIO:
        return sound
    mark = "watermark" if wanted.watermark_url else ""
    codec = _CODEC_WORDS.get(wanted.codec, wanted.codec)
    return ", ".join(filter(None, (codec, _size_words(wanted), mark, sound)))


def _size_words(wanted: FileForm) -> str:
    if wanted.width and wanted.height:
        return f"{wanted.width}\u00d7{wanted.height}"
    if wanted.width:
        return f"{wanted.width} pixels wide"
    return f"{wanted.height} pixels high" if wanted.height else "as large as broadcast"
