"""Pictures as a decoder shows them, grey and small, so that they can be compared."""

import subprocess

from tests.services import HANG_S

_WIDTH, _HEIGHT = 64, 36
_SIZE = _WIDTH * _HEIGHT


def frames(clip: bytes, *, form: str = "flv") -> list[bytes]:
    """Return all pictures of a clip, in the order in which they are shown."""
    scaled = f"scale={_WIDTH}:{_HEIGHT}:flags=area,format=gray"
    argv = ["ffmpeg", "-v", "error", "-f", form, "-i", "pipe:0", "-an", "-vf", scaled, "-fps_mode", "passthrough"]
    run = subprocess.run(
        [*argv, "-f", "rawvideo", "pipe:1"], input=clip, capture_output=True, check=True, timeout=HANG_S
    )
    return [run.stdout[at : at + _SIZE] for at in range(0, len(run.stdout), _SIZE)]


def difference(one: bytes, other: bytes) -> float:
    """Return how far two pictures are apart, 0 to 255."""
    return sum(abs(ours - theirs) for ours, theirs in zip(one, other, strict=True)) / _SIZE
