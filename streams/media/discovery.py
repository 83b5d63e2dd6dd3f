"""Finding out what an encoder sends, while the outlet holds it."""

import subprocess
from collections.abc import Callable

from streams.media import ffmpeg
from streams.media.encoder_watch import LONGEST_START_S, left_early, no_key_frame
from streams.media.errors import TranscoderFailedError
from streams.media.outlet import Outlet
from streams.media.process import Child, running
from streams.media.progress import LONGEST_STEP_S, AwakeClock
from streams.media.pull import Pull
from streams.media.source import Source, check_announced_size, parse_probe

_WATCH_S = 0.1
# As much video tells ffprobe how many frames come, and no picture is late for it: a part takes longer.
_PROBED_MS = 200
_LONGEST_PROBED_WAIT_S = 4.5
# The probe reads a few megabytes from memory; while it does, nobody checks in.
_PROBE_TIMEOUT_S = 4.0
# What it may write to: it decodes a few pictures. Measured with 4K on 2 cores: 125 MB (8K: 192).
_PROBE_MEMORY_MB = 512


def find_source(
    pull: Pull,
    outlet: Outlet,
    clock: AwakeClock,
    *,
    max_height: int,
    gop_s: float,
    check_in: Callable[[bool], None],
) -> Source:
    """Return what comes, once there is a picture; `gop_s` is what an earlier run has found out, 0 for nothing.

    `check_in` is called again and again, with True where it is to be now, and with False where it may be.

    :raises MediaError: as `run_broadcast` does.
    """
    # Started before there is anything to describe: that takes longer than describing it.
    with running(
        ffmpeg.probe_argv(), label=f"probe {pull.name}", feeds=True, is_fed=True, memory_mb=_PROBE_MEMORY_MB
    ) as prober:
        _await_picture(pull, outlet, clock, check_in)
        check_in(True)
        if pull.intake.picture_size is not None:
            check_announced_size(pull.intake.picture_size, max_height=max_height)
        report = _probe(prober, outlet.held())
    return parse_probe(report, video_kbps=pull.intake.video_kbps, gop_s=gop_s or pull.intake.gop_s)


def _await_picture(pull: Pull, outlet: Outlet, clock: AwakeClock, check_in: Callable[[bool], None]) -> None:
    first_picture_at: float | None = None
    while not pull.intake.key_frames_ms or pull.intake.video_ms < _PROBED_MS:
        clock.tick(at_most_s=LONGEST_STEP_S)
        if pull.intake.key_frames_ms and first_picture_at is None:
            first_picture_at = clock.now_s
        if first_picture_at is not None and clock.now_s - first_picture_at > _LONGEST_PROBED_WAIT_S:
            return
        outlet.check()
        has_input, has_left = pull.look()
        if has_left:
            raise left_early()
        # As long as nothing comes, `EncoderWatch` judges: that may be the pull's fault.
        if has_input and first_picture_at is None and clock.now_s > LONGEST_START_S:
            raise no_key_frame()
        check_in(False)
        outlet.wait(timeout_s=_WATCH_S)


def _probe(prober: Child, held: bytes) -> bytes:
    try:
        report, _ = prober.process.communicate(held, timeout=_PROBE_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise TranscoderFailedError(f"ffprobe gave no answer in {_PROBE_TIMEOUT_S:g} s.") from error
    return report
