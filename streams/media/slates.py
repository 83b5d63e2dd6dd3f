"""Making slates: a still picture of the size, rate and profile that a source has, encoded once and kept."""

import hashlib
import logging
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from streams.media.feeds import FeedError, Slate, read_slate
from streams.media.flv import FlvError
from streams.media.process import Child, running
from streams.media.source import Source
from streams.media.writing import write_whole

logger = logging.getLogger(__name__)

# What viewers see where nobody has chosen a picture; see `make slate`.
DEFAULT_PICTURE = Path(__file__).with_name("slate.png")
_LOOP_S = 2
_USUAL_FPS = 30.0
# It takes half a second to two, at a lower priority, on a machine that may be busy. At the lowest it does not come
# there for long, and until it does a drop ends the run.
_TIMEOUT_S = 20.0
_MEMORY_MB = 1024
_LARGEST_PICTURE_BYTES = 20 << 20
_MOST_KEPT = 64
# Viewers wait for it: a longer one takes longer.
_HELD_LOOP_S = 1
# A finer one takes longer, and nothing but the picture itself costs bits.
_HELD_CRF = 18
# FLV counts in milliseconds.
_ROUNDING_MS = 0.5
# By ffmpeg's names; others are not passed through.
_PROFILES = {"Constrained Baseline": "baseline", "Baseline": "baseline", "Main": "main"}

# Killed, it ends in milliseconds, unless it waits for a disk that does not answer.
_LONGEST_END_S = 2.0

# Whatever keeps a slate from being made.
NOT_MADE = (FeedError, FlvError, OSError, subprocess.SubprocessError)


@dataclass(frozen=True)
class SlateForm:
    """What a slate has to be like."""

    width: int
    height: int
    fps: float
    profile: str

    @classmethod
    def of(cls, source: Source) -> "SlateForm":
        """Return the form of a source's own pictures."""
        fps = source.fps or _USUAL_FPS
        return cls(source.width, source.height, fps, _PROFILES.get(source.profile, "high"))


class Order:
    """A slate that is being made, in a thread of its own."""

    def __init__(self, form: SlateForm) -> None:
        self._form = form
        self._child: Child | None = None
        self._is_cancelled = False
        self.slate: Slate | None = None
        # It will not come; the log says why.
        self.has_failed = False
        self._thread = threading.Thread(target=self._run, name="slate", daemon=True)

    def abandon(self) -> None:
        """Let it end, finished or not, whenever that is."""
        self._is_cancelled = True
        if self._child is not None:
            self._child.kill()

    def cancel(self) -> None:
        """End it, finished or not, within some seconds."""
        self.abandon()
        self._thread.join(_LONGEST_END_S)
        if self._thread.is_alive():
            logger.error("a slate of %dx%d has not ended", self._form.width, self._form.height)

    def _run(self) -> None:
        raise NotImplementedError

    def _encode(self, argv: list[str], given: bytes, *, timeout_s: float, memory_mb: int = _MEMORY_MB) -> bytes:
        label = f"slate {self._form.width}x{self._form.height}"
        with running(argv, label=label, feeds=True, is_fed=True, memory_mb=memory_mb) as self._child:
            if self._is_cancelled:
                raise FeedError("Nobody wants it any more.")
            clip, _ = self._child.process.communicate(given, timeout=timeout_s)
            if self._child.exit_code:
                raise FeedError(self._child.last_words() or f"ffmpeg ended with code {self._child.exit_code}.")
        return clip


class SlateOrder(Order):
    """A slate of a picture; of our own where the other one cannot be read."""

    def __init__(self, picture: Path, form: SlateForm, *, folder: Path) -> None:
        super().__init__(form)
        self._picture = picture
        self._folder = folder
        self._thread.start()

    def _run(self) -> None:
        # A picture of somebody's own may be none that can be read.
        for picture in dict.fromkeys((self._picture, DEFAULT_PICTURE)):
            try:
                self.slate = self._make(picture)
            except NOT_MADE as error:
                if self._is_cancelled:
                    break
                logger.warning("no slate of %s: %s", picture.name, error)
            else:
                return
        self.has_failed = True

    def _make(self, chosen: Path) -> Slate:
        picture = chosen.read_bytes()
        if len(picture) > _LARGEST_PICTURE_BYTES:
            raise FeedError("The picture is too large.")
        path = self._folder / f"{_key(picture, self._form)}.flv"
        # One that is broken is made anew.
        with suppress(FileNotFoundError, FeedError, FlvError):
            slate = read_slate(path.read_bytes(), fps=self._form.fps)
            # What is used stays.
            path.touch()
            return slate
        clip = self._encode(slate_argv(self._form), picture, timeout_s=_TIMEOUT_S)
        slate = read_slate(clip, fps=self._form.fps)
        self._keep(path, clip)
        return slate

    def _keep(self, path: Path, clip: bytes) -> None:
        """Spare others the work; one that cannot be kept (a full disk, another run with the same) is used as well."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, [clip])
            kept = sorted(self._folder.glob("*.flv"), key=_used_at, reverse=True)
            for old in kept[_MOST_KEPT:]:
                old.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("slate not kept: %s", error)


def slate_argv(form: SlateForm) -> list[str]:
    """Return the command that makes a slate, as FLV on stdout, of the picture on its stdin.

    The picture is scaled to fit, on black; no frame is shown later than it is decoded, so the loop can be cut anywhere.
    """
    return [
        "nice", "-n", "5", "ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "warning",
        "-f", "image2pipe", "-framerate", f"{form.fps:g}", "-i", "pipe:0", "-an",
        *_loop_args(form, f"{_fitted(form)},setsar=1", loop_s=_LOOP_S, preset="veryfast", crf=20),
    ]  # fmt: skip


def last_picture_argv(form: SlateForm, *, last_ms: int) -> list[str]:
    """Return the command that makes one of the picture that is shown at `last_ms` in the FLV clip on its stdin.

    Viewers wait for it, so nothing is done that takes long: what does not change costs few bits however it is encoded.
    """
    # Pictures before it are decoded, and nothing else; what is announced is known without probing.
    chosen = f"trim=start={(last_ms - _ROUNDING_MS) / 1000:.4f}"
    return [
        "ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error", "-fpsprobesize", "0", "-copyts",
        "-f", "flv", "-i", "pipe:0", "-an",
        *_loop_args(form, f"{chosen},{_fitted(form)}", loop_s=_HELD_LOOP_S, preset="ultrafast", crf=_HELD_CRF),
    ]  # fmt: skip


def _fitted(form: SlateForm) -> str:
    size = f"{form.width}:{form.height}"
    return f"scale={size}:force_original_aspect_ratio=decrease,pad={size}:-1:-1,format=yuv420p"


def _loop_args(form: SlateForm, filters: str, *, loop_s: int, preset: str, crf: int) -> list[str]:
    frames = max(1, round(loop_s * form.fps))
    # A preset that leaves tools out would make another profile of it.
    tools = {"high": "cabac=1:8x8dct=1", "main": "cabac=1"}.get(form.profile)
    return [
        "-vf", f"{filters},loop=loop=-1:size=1,setpts=N", "-frames:v", str(frames), "-fps_mode", "passthrough",
        "-c:v", "libx264", "-preset", preset, "-profile:v", form.profile,
        *(["-x264-params", tools] if tools else []), "-threads", "1",
        "-bf", "0", "-g", str(frames + 1), "-sc_threshold", "0",
        "-crf", str(crf), "-f", "flv", "-flvflags", "no_duration_filesize", "pipe:1",
    ]  # fmt: skip


def _key(picture: bytes, form: SlateForm) -> str:
    said = f"{form.width}x{form.height} {form.fps:g} {form.profile}"
    return hashlib.sha256(picture + said.encode()).hexdigest()[:32]


def _used_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
