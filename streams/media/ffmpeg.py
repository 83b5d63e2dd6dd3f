"""ffmpeg's command lines, as functions of values."""

import os
from dataclasses import dataclass
from pathlib import Path

from streams.media.ladder import Kind, Ladder, Rendition

PLAYLIST_NAME = "index.m3u8"
_BASE = ["ffmpeg", "-hide_banner", "-nostdin", "-y", "-loglevel", "warning"]
# Nothing from the ingest server for this long: its connection is dead. Microseconds.
_PULL_TIMEOUT_US = 15_000_000
# An encoder may send sound without a picture; ffmpeg keeps the sound back for that long. Microseconds.
_LONGEST_KEPT_BACK_US = 1_000_000
# Seconds between two reports of progress, which `progress.Reports` reads.
_REPORT_S = 0.5
_THUMBNAIL_HEIGHT = 360
# Longer than any distance of forced key frames, so that x264 adds none of its own.
_NO_GOP_LIMIT = 600
# Each holds pictures of its own; four decode 4K in real time.
_DECODER_THREADS = min(os.cpu_count() or 1, 8)
# Segments that stay on disk after they left the playlist, for viewers who read an older one.
_KEPT_SEGMENTS = 5


@dataclass(frozen=True)
class Packaging:
    """Where and how renditions are written; each gets a folder of its name below `folder`."""

    folder: Path
    thumbnail_path: Path
    segment_s: int
    playlist_segments: int
    thumbnail_s: int


def pull_argv(url: str) -> list[str]:
    """Return the command that copies a live RTMP stream to stdout as FLV.

    The probe stays at ffmpeg's defaults: smaller ones missed the video in most joins.
    """
    return [
        *_BASE, "-fflags", "+genpts", "-rw_timeout", str(_PULL_TIMEOUT_US), "-i", url,
        "-map", "0:v", "-map", "0:a?", "-c", "copy", "-flush_packets", "1",
        "-max_interleave_delta", str(_LONGEST_KEPT_BACK_US), "-f", "flv", "-flvflags", "no_duration_filesize", "pipe:1",
    ]  # fmt: skip


def probe_argv() -> list[str]:
    """Return the command that describes the FLV on its stdin as JSON."""
    return ["ffprobe", "-loglevel", "error", "-f", "flv", "-print_format", "json", "-show_streams", "-i", "pipe:0"]


def transcode_argv(ladder: Ladder, packaging: Packaging) -> list[str]:
    """Return the command that turns the FLV on its stdin into the ladder's HLS renditions and thumbnails.

    It reports its progress on stdout. One decode serves every rung. Key frames of all renditions align: with the
    source's own where that is passed through, else with multiples of the segment length.
    """
    # Where the picture is only needed for thumbnails, its key frames are all that has to be decoded.
    decoding = [] if ladder.transcoded else ["-skip_frame", "nokey"]
    return [
        *_BASE, "-nostats", "-progress", "pipe:1", "-stats_period", str(_REPORT_S),
        *decoding, "-max_pixels", str(ladder.source_pixels), "-threads", str(_DECODER_THREADS), "-f", "flv",
        "-fflags", "+genpts", "-i", "pipe:0",
        "-filter_complex", _filters(ladder, thumbnail_s=packaging.thumbnail_s),
        *_codecs(ladder, segment_s=packaging.segment_s),
        *_hls_output(ladder, packaging),
        "-map", "[thumbnail]", "-threads", "1", "-fps_mode", "vfr", "-c:v", "mjpeg", "-q:v", "5",
        "-f", "image2", "-update", "1", "-atomic_writing", "1", str(packaging.thumbnail_path),
    ]  # fmt: skip


def _filters(ladder: Ladder, *, thumbnail_s: int) -> str:
    rungs = ladder.transcoded
    pictures = [f"[rung{number}]" for number, _ in enumerate(rungs)]
    scales = [
        f"[rung{number}]scale={rung.width}:{rung.height},format=yuv420p[out{number}]"
        for number, rung in enumerate(rungs)
    ]
    # Unlike the fps filter, this shows the very first picture at once.
    pick = rf"[pick]select=isnan(prev_selected_t)+gte(t-prev_selected_t\,{thumbnail_s})"
    thumbnail = f"{pick},scale=-2:{_THUMBNAIL_HEIGHT},format=yuvj420p[thumbnail]"
    return ";".join([f"[0:v]split={len(rungs) + 1}{''.join(pictures)}[pick]", *scales, thumbnail])


def _codecs(ladder: Ladder, *, segment_s: int) -> list[str]:
    forced = "source" if ladder.copies_video else f"expr:gte(t,n_forced*{segment_s})"
    argv: list[str] = []
    encoded = 0
    for index, rendition in enumerate(ladder.videos):
        if rendition.kind is Kind.COPY:
            argv += ["-map", "0:v", f"-c:v:{index}", "copy"]
        else:
            argv += ["-map", f"[out{encoded}]", *_x264(rendition, index=index, forced=forced)]
            encoded += 1
    if ladder.audio is not None:
        argv += ["-map", "0:a", *_aac(ladder.audio, is_copied=ladder.copies_audio)]
    return argv


def _x264(rung: Rendition, *, index: int, forced: str) -> list[str]:
    rate = f"{rung.video_kbps}k"
    options = {
        "c": "libx264",
        "preset": "veryfast",
        "tune": "zerolatency",
        "profile": "high",
        "b": rate,
        "maxrate": rate,
        "bufsize": f"{rung.video_kbps * 3 // 2}k",
        "g": str(_NO_GOP_LIMIT),
        "sc_threshold": "0",
        "force_key_frames": forced,
    }
    return [word for name, value in options.items() for word in (f"-{name}:v:{index}", value)]


def _aac(audio: Rendition, *, is_copied: bool) -> list[str]:
    if is_copied:
        return ["-c:a", "copy"]
    return ["-c:a", "aac", "-b:a", f"{audio.audio_kbps}k", "-ar", "48000", "-ac", "2"]


def _hls_output(ladder: Ladder, packaging: Packaging) -> list[str]:
    variants = [f"v:{index},name:{rendition.name}" for index, rendition in enumerate(ladder.videos)]
    if ladder.audio is not None:
        variants.append(f"a:0,name:{ladder.audio.name}")
    folder = packaging.folder / "%v"
    return [
        "-f", "hls", "-hls_segment_type", "fmp4",
        "-hls_time", str(packaging.segment_s), "-hls_list_size", str(packaging.playlist_segments),
        "-hls_delete_threshold", str(_KEPT_SEGMENTS),
        "-hls_flags", "delete_segments+independent_segments+program_date_time+temp_file",
        "-var_stream_map", " ".join(variants),
        "-hls_fmp4_init_filename", "init.mp4",
        "-hls_segment_filename", str(folder / "%06d.m4s"), str(folder / PLAYLIST_NAME),
    ]  # fmt: skip
