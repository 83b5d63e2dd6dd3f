"""Making another file of a recording: of another size or codec, with a picture laid over it, or its sound alone."""

import errno
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from streams.media.errors import MediaError
from streams.media.process import running
from streams.media.progress import Reports

# Of pixels: more than any screen has, and what a picture of some kilobytes may claim to be is a thousand times that.
_MOST_PIXELS = 64 << 20
_MEMORY_MB = 1536
# A slow machine that is busy may need long for a picture at the lowest priority.
_SILENT_S = 180.0
_LOOK_S = 5.0
_LAST_WORDS = 300
_FULL = "No space left on device"
# By the first bytes of a file; others are not looked into.
_PICTURES = ((b"\x89PNG\r\n\x1a\n", "png_pipe"), (b"\xff\xd8\xff", "jpeg_pipe"))
_WEBP = (b"RIFF", b"WEBP")
_PLACES = {
    "left top": "0:0",
    "right top": "W-w:0",
    "left bottom": "0:H-h",
    "right bottom": "W-w:H-h",
}
# At the lowest priority, speed is worth more than the last percent of size.
_VIDEO_CODECS = {
    "H264": ["libx264", "-preset", "veryfast", "-crf", "21", "-pix_fmt", "yuv420p"],
    "VP8": ["libvpx", "-deadline", "realtime", "-cpu-used", "4", "-crf", "12", "-b:v", "4M", "-pix_fmt", "yuv420p"],
    "VP9": [
        *("libvpx-vp9", "-deadline", "realtime", "-cpu-used", "7", "-row-mt", "1"),
        *("-crf", "33", "-b:v", "0", "-pix_fmt", "yuv420p"),
    ],
}
# Source of the bitrate: Dyte, "384 kbps AAC"; the others' quality is as good with less.
_AUDIO_CODECS = {
    "AAC": ["aac", "-b:a", "192k"],
    "MP3": ["libmp3lame", "-b:a", "192k"],
    "VORBIS": ["libvorbis", "-q:a", "5"],
}


class RenderingError(MediaError):
    """A file could not be made; the message is what the program said, without where files are."""


class TransientRenderingError(RenderingError):
    """It may be made another time: what it was ended by, or waited for, has nothing to do with it."""


class PictureError(MediaError):
    """A picture cannot be laid over anything; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Overlay:
    """A picture and where it goes; pixels, and without a size as large as it is."""

    path: Path
    position: str = "left top"
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, kw_only=True)
class VideoForm:
    """What the picture is to be like; `codec` H264, VP8 or VP9, pixels even. `copies`: it is like that already."""

    codec: str
    width: int
    height: int
    overlay: Overlay | None = None
    copies: bool = False


@dataclass(frozen=True, kw_only=True)
class AudioForm:
    """What the sound is to be like; `codec` AAC, MP3 or VORBIS. `copies`: it is like that already."""

    codec: str
    channels: int
    copies: bool = False


def picture_format(content: bytes) -> str:
    """Return what ffmpeg reads a picture by.

    :raises PictureError: when it is none of PNG, JPEG or WebP.
    """
    if content[:4] == _WEBP[0] and content[8:12] == _WEBP[1]:
        return "webp_pipe"
    for beginning, name in _PICTURES:
        if content.startswith(beginning):
            return name
    raise PictureError("It is no PNG, JPEG or WebP.")


def render_argv(source: Path, target: Path, *, video: VideoForm | None, audio: AudioForm) -> list[str]:
    """Return the command that makes `target` of a recording: of its sound alone without `video`.

    Its container is what the file's name ends with. On stdout it tells how far it is.

    :raises PictureError: when what is to be laid over cannot be read.
    """
    argv = [
        *("nice", "-n", "19", "ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error", "-y"),
        # Its storage may be anybody's, who may have put something else there since: a playlist would name other files.
        *("-progress", "pipe:1", "-protocol_whitelist", "file", "-f", "mov", "-i", f"file:{source}"),
    ]
    if video is not None:
        argv += _video_args(video)
    argv += ["-map", "0:a:0?"]
    argv += ["-c:a", "copy"] if audio.copies else ["-c:a", *_AUDIO_CODECS[audio.codec], "-ac", str(audio.channels)]
    if target.suffix in {".mp4", ".m4a"}:
        argv += ["-movflags", "+faststart"]
    return [*argv, "-map_metadata", "-1", "-threads", "2", f"file:{target}"]


def render(argv: list[str], *, label: str, longest_s: float, keep_on: Callable[[], None]) -> None:
    """Run such a command; `keep_on` is called every few seconds meanwhile, and may raise to end it.

    :raises RenderingError: when it fails, comes no further for three minutes (which may be another time's matter, as
        when it is killed), or takes longer than it may.
    :raises OSError: when there is no room for what it makes.
    """
    until = time.monotonic() + longest_s
    with running(argv, label=label, feeds=True, memory_mb=_MEMORY_MB) as child:
        reports, advanced_at = Reports(child.stdout.fileno()), time.monotonic()
        while not child.wait(timeout_s=_LOOK_S):
            keep_on()
            if reports.have_advanced():
                advanced_at = time.monotonic()
            if time.monotonic() - advanced_at > _SILENT_S:
                raise TransientRenderingError(f"It came no further for {_SILENT_S:.0f} s.")
            if time.monotonic() > until:
                raise RenderingError(f"It was not done within {longest_s:.0f} s.")
        if child.exit_code:
            folder = str(Path(argv[-1].removeprefix("file:")).parent)
            words = child.last_words().replace(f"{folder}/", "")
            if _FULL in words:
                raise OSError(errno.ENOSPC, _FULL)
            if child.exit_code < 0:
                raise TransientRenderingError(f"ffmpeg was killed by signal {-child.exit_code}.")
            raise RenderingError(words[-_LAST_WORDS:] or f"ffmpeg ended with code {child.exit_code}.")


def _video_args(video: VideoForm) -> list[str]:
    if video.copies:
        return ["-map", "0:v:0?", "-c:v", "copy"]
    size = f"{video.width}:{video.height}"
    fitted = f"scale={size}:force_original_aspect_ratio=decrease,pad={size}:-1:-1,setsar=1"
    encoder = ["-c:v", *_VIDEO_CODECS[video.codec]]
    if video.overlay is None:
        return ["-map", "0:v:0?", "-vf", fitted, *encoder]
    overlay = video.overlay
    scaled = "null"
    if overlay.width or overlay.height:
        scaled = f"scale={overlay.width or -1}:{overlay.height or -1}"
    graph = f"[0:v:0]{fitted}[below];[1:v:0]{scaled}[above];[below][above]overlay={_PLACES[overlay.position]}[shown]"
    picture = ["-max_pixels", str(_MOST_PIXELS), "-f", picture_format(overlay.path.read_bytes())]
    return [*picture, "-i", f"file:{overlay.path}", "-filter_complex", graph, "-map", "[shown]", *encoder]
