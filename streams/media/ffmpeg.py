"""ffmpeg's command lines, as functions of values."""

import os
from dataclasses import dataclass
from pathlib import Path

from streams.media.ladder import Kind, Ladder, Rendition

_BASE = ["ffmpeg", "-hide_banner", "-nostdin", "-y", "-loglevel", "warning"]
# Nothing from the ingest server for this long: its connection is dead. Microseconds.
_PULL_TIMEOUT_US = 15_000_000
# An encoder may send sound without a picture, or the other way round; ffmpeg keeps what there is back for that long,
# and nobody is to take that for a pause. Microseconds.
_LONGEST_KEPT_BACK_US = 500_000
# Seconds between two reports of progress, which `progress.Reports` reads.
_REPORT_S = 0.5
_THUMBNAIL_HEIGHT = 360
_FRAME_HEIGHT = 180
# Such pictures are put below each other as they are coded, sixteen lines together.
_SMALL_HEIGHT = 144
# The time base of pictures that are called after their time: names are made of 32 bits, and encoders' clocks need as
# many for milliseconds.
_DATED = "1:100"
# Longer than any distance of forced key frames, so that x264 adds none of its own.
_NO_GOP_LIMIT = 600
# Each holds pictures of its own; four decode 4K in real time.
_DECODER_THREADS = min(os.cpu_count() or 1, 8)
# What looks at picture and sound. Source: AWS MediaLive's and ffmpeg's own defaults.
_LOOKS_PER_S, _LOOK_SIZE = 2, "160:90"
# Of white: what no source sends is nearly 0, and a scene at night is mostly below ffmpeg's 0.1.
_BLACK_BELOW = 0.05
_SHORTEST_BLACK_S, _SHORTEST_FREEZE_S, _STILL_DB = 0.1, 1, -60
_SHORTEST_SILENCE_S, _SILENT_DB = 2, -50
# Tenths of a second: whose highest peak is found, and from one telling to the next. Each line that is told is a call of
# the system, and wakes who reads it.
_PEAKS_OF, _TOLD_EVERY = 20, 5
# The tracks' clocks stay those of the source: what is written to different pipes fits together, and to its key frames.
_FRAGMENTS = "+frag_keyframe+empty_moov+default_base_moof+negative_cts_offsets+frag_discont"
_TIMESCALE = 90_000


@dataclass(frozen=True)
class Stills:
    """Pictures beside the renditions: the thumbnail, replaced every `thumbnail_s`, and as often a frame of the preview.

    `small` are for the scrub bar, every `small_s`. `%d` in a path stands for when a picture is shown, in hundredths of
    a second, by the stream's own clock.
    """

    thumbnail_path: Path
    thumbnail_s: int
    frames: str
    small: str
    small_s: int


@dataclass(frozen=True)
class Looks:
    """The inherited pipes that what is seen and heard of the source is told to; see `doctor.lines`.

    Whoever reads them may be gone: ffmpeg goes on without. It does wait for one that does not read.
    """

    picture: int
    sound: int


@dataclass(frozen=True)
class Outputs:
    """Where what comes out of ffmpeg goes: to inherited pipes, one for each of the ladder's renditions, in its order.

    `fragment_s` is how much is handed over at once, `segment_s` how far apart the key frames are that we make.
    `most_pixels` may be in any picture that follows, 0 for no more than in the first. Without `looks` nobody looks
    at picture and sound.
    """

    pipes: tuple[int, ...]
    fragment_s: float
    segment_s: float
    stills: Stills
    most_pixels: int = 0
    looks: Looks | None = None


# What the pull says of sound that began after it had found out what there is; it hands none of that on.
LATE_SOUND = b"New audio stream"


def pull_argv(url: str) -> list[str]:
    """Return the command that copies a live RTMP stream to stdout as FLV.

    It does not wait to learn the frame rate; else the probe stays at ffmpeg's defaults: smaller ones missed the video
    in most joins.
    """
    return [
        *_BASE, "-fflags", "+genpts", "-fpsprobesize", "0", "-rw_timeout", str(_PULL_TIMEOUT_US), "-i", url,
        "-map", "0:v", "-map", "0:a?", "-c", "copy", "-flush_packets", "1",
        "-max_interleave_delta", str(_LONGEST_KEPT_BACK_US), "-f", "flv", "-flvflags", "no_duration_filesize", "pipe:1",
    ]  # fmt: skip


def probe_argv() -> list[str]:
    """Return the command that describes the FLV on its stdin as JSON."""
    return ["ffprobe", "-loglevel", "error", "-f", "flv", "-print_format", "json", "-show_streams", "-i", "pipe:0"]


def transcode_argv(ladder: Ladder, outputs: Outputs) -> list[str]:
    """Return the command that turns the FLV on its stdin into the ladder's renditions and pictures.

    Each rendition is fragmented MP4 of one track. It reports its progress on stdout. One decode serves every rung. Key
    frames of all renditions align: with the source's own where that is passed through, else with even distances.
    """
    # Where the picture is only needed by itself, its key frames are all that has to be decoded. They are small, as
    # there is no rung below: handing them from thread to thread would cost more than decoding them.
    threads = _DECODER_THREADS if ladder.transcoded else 1
    decoding = [] if ladder.transcoded else ["-skip_frame", "nokey", "-filter_complex_threads", "1"]
    return [
        *_BASE, "-nostats", "-progress", "pipe:1", "-stats_period", str(_REPORT_S),
        *decoding, "-max_pixels", str(max(ladder.source_pixels, outputs.most_pixels)), "-threads", str(threads),
        "-f", "flv", "-fflags", "+genpts", "-fpsprobesize", "0", "-copyts", "-i", "pipe:0",
        "-filter_complex", _filters(ladder, outputs),
        *_listening(ladder, outputs.looks),
        *_renditions(ladder, outputs),
        *_stills(outputs.stills),
    ]  # fmt: skip


def _stills(stills: Stills) -> list[str]:
    made = ["-threads", "1", "-fps_mode", "vfr"]
    kept = ["-f", "image2", "-atomic_writing", "1"]
    dated = ["-enc_time_base", _DATED, *kept, "-frame_pts", "1"]
    # The same tables in all of them, so that they can be put together.
    small = ["-c:v", "mjpeg", "-q:v", "5", "-huffman", "default"]
    frame = ["-c:v", "libwebp", "-quality", "60", "-compression_level", "2"]
    return [
        "-map", "[thumbnail]", *made, "-c:v", "mjpeg", "-q:v", "5", *kept, "-update", "1", str(stills.thumbnail_path),
        "-map", "[small]", *made, *small, *dated, stills.small,
        "-map", "[frame]", *made, *frame, *dated, stills.frames,
    ]  # fmt: skip


def _filters(ladder: Ladder, outputs: Outputs) -> str:
    rungs, stills, looks = ladder.transcoded, outputs.stills, outputs.looks
    pictures = [f"[rung{number}]" for number, _ in enumerate(rungs)]
    ends = [f"[out{number}]" for number, _ in enumerate(rungs)]
    if looks and rungs:
        # The smallest is the cheapest to make smaller still.
        ends[-1] = f",split{ends[-1]}[look]"
    elif looks:
        pictures.append("[look]")
    scales = [
        f"[rung{number}]scale={rung.width}:{rung.height},format=yuv420p{end}"
        for number, (rung, end) in enumerate(zip(rungs, ends, strict=True))
    ]
    picked = f"[pick]{_every(stills.thumbnail_s)},scale=-2:{_THUMBNAIL_HEIGHT},format=yuvj420p"
    return ";".join(
        [
            f"[0:v]split={len(pictures) + 1}{''.join(pictures)}[pick]",
            *scales,
            f"{picked},split=3[thumbnail][some][all]",
            f"[some]{_every(stills.small_s)},scale=-2:{_SMALL_HEIGHT}[small]",
            f"[all]scale=-2:{_FRAME_HEIGHT},format=yuv420p[frame]",
            *([_watching(looks.picture, is_decoded_whole=bool(rungs))] if looks else []),
        ]
    )


def _watching(pipe: int, *, is_decoded_whole: bool) -> str:
    """Return what looks at a few small pictures a second, or at the key frames where no others are decoded."""
    picked = f"fps={_LOOKS_PER_S}," if is_decoded_whole else ""
    # One line for each picture whatever is seen, so that it tells how far it is; the sink makes nothing of it.
    told = "metadata=add:key=lavfi.look:value=1,metadata=print"
    return (
        f"[look]{picked}scale={_LOOK_SIZE},blackdetect=d={_SHORTEST_BLACK_S}:pix_th={_BLACK_BELOW},"
        rf"freezedetect=n={_STILL_DB}dB:d={_SHORTEST_FREEZE_S},{told}:file='pipe\:{pipe}':direct=1,nullsink"
    )


def _listening(ladder: Ladder, looks: Looks | None) -> list[str]:
    """Return what listens to the sound: a graph of its own, since a sound that changes makes its graph begin anew."""
    if looks is None or ladder.audio is None:
        return []
    # Its frames hold a tenth of a second, and lose what was told of shorter ones: so loudness comes first.
    loudness, silence = "ebur128=metadata=1:framelog=verbose", f"silencedetect=n={_SILENT_DB}dB:d={_SHORTEST_SILENCE_S}"
    peaks = f"astats=metadata=1:reset={_PEAKS_OF}:measure_perchannel=none:measure_overall=Peak_level"
    told = rf"ametadata=print:file='pipe\:{looks.sound}':direct=1"
    # These stand on the one frame with which it is known, so they are told of all.
    at_once = ",".join(f"{told}:key=lavfi.silence_{edge}" for edge in ("start", "end"))
    now_and_then = f"aselect=eq(mod(n\\,{_TOLD_EVERY})\\,{_TOLD_EVERY - 1})"
    return ["-filter_complex", f"[0:a]{loudness},{silence},{at_once},{peaks},{now_and_then},{told},anullsink"]


def _every(distance_s: int) -> str:
    # Unlike the fps filter, this shows the very first picture at once.
    return rf"select=isnan(prev_selected_t)+gte(t-prev_selected_t\,{distance_s})"


def _renditions(ladder: Ladder, outputs: Outputs) -> list[str]:
    forced = "source_no_drop" if ladder.copies_video else f"expr:gte(t,n_forced*{outputs.segment_s:g})"
    argv: list[str] = []
    encoded = 0
    for rendition, pipe in zip(ladder.renditions, outputs.pipes, strict=True):
        if rendition.kind is Kind.COPY:
            argv += ["-map", "0:v", "-c:v", "copy"]
        elif rendition.kind is Kind.TRANSCODE:
            # A picture that was made up would take the place of the key frame behind a hole; and another encoder may
            # have another rate, so that all times are the source's own, in milliseconds.
            times = ["-fps_mode", "vfr", "-enc_time_base", "1:1000"] if ladder.copies_video else []
            argv += ["-map", f"[out{encoded}]", *times, *_x264(rendition, forced=forced)]
            encoded += 1
        else:
            argv += ["-map", "0:a", *_aac(rendition, is_copied=ladder.copies_audio)]
        argv += _fragments(pipe, fragment_s=outputs.fragment_s)
    return argv


def _fragments(pipe: int, *, fragment_s: float) -> list[str]:
    return [
        "-f", "mp4", "-movflags", _FRAGMENTS, "-frag_duration", str(round(fragment_s * 1_000_000)),
        "-video_track_timescale", str(_TIMESCALE), "-avoid_negative_ts", "disabled", "-flush_packets", "1",
        f"pipe:{pipe}",
    ]  # fmt: skip


def _x264(rung: Rendition, *, forced: str) -> list[str]:
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
    return [word for name, value in options.items() for word in (f"-{name}:v", value)]


def _aac(audio: Rendition, *, is_copied: bool) -> list[str]:
    if is_copied:
        return ["-c:a", "copy"]
    # What is missing between two connections is made up for, and what is too much is taken out.
    even = ["-af", "aresample=async=1000"]
    return [*even, "-c:a", "aac", "-b:a", f"{audio.audio_kbps}k", "-ar", "48000", "-ac", "2"]
