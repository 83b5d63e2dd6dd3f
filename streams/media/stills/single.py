"""One picture out of a few bytes of media, as a JPEG: for what is over, and nobody waits for."""

import subprocess

from streams.media.stills.errors import StillError

SMALL_WIDTH, SMALL_HEIGHT = 256, 144
# On a busy machine, at the lowest priority.
_DECODE_S = 60
_LAST_WORDS = 200
# More than any encoder's pictures have; what comes back from a storage may claim to be anything.
_MOST_PIXELS = 64 << 20
_POSTER = "scale='min(1280,iw)':-2"
# All of the same size, whatever the picture's shape: they are put below each other.
_SMALL = (
    f"scale={SMALL_WIDTH}:{SMALL_HEIGHT}:force_original_aspect_ratio=decrease:force_divisible_by=2,"
    f"pad={SMALL_WIDTH}:{SMALL_HEIGHT}:-1:-1"
)


def decode_small(media: bytes) -> bytes:
    """Return the first key frame of some media, in the size of pictures of the scrub bar.

    :raises StillError: when there is none that can be decoded.
    """
    return _decode(media, filters=_SMALL)


def decode_poster(media: bytes) -> bytes:
    """Return the first key frame of some media, as large as it is, but no wider than 1280 pixels.

    :raises StillError: when there is none that can be decoded.
    """
    return _decode(media, filters=_POSTER)


def _decode(media: bytes, *, filters: str) -> bytes:
    argv = [
        "setpriv", "--pdeathsig", "KILL", "--", "nice", "-n", "19",
        "ffmpeg", "-hide_banner", "-loglevel", "error", "-threads", "1", "-skip_frame", "nokey",
        "-max_pixels", str(_MOST_PIXELS), "-f", "mov", "-i", "pipe:0",
        "-frames:v", "1", "-vf", f"{filters},setsar=1", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "5",
        "-huffman", "default", "-threads", "1", "-f", "image2pipe", "pipe:1",
    ]  # fmt: skip
    try:
        done = subprocess.run(argv, input=media, capture_output=True, timeout=_DECODE_S)
    except subprocess.TimeoutExpired as error:
        raise StillError(f"ffmpeg gave no picture in {_DECODE_S} s.") from error
    if not done.stdout:
        words = done.stderr.decode(errors="replace").strip()[-_LAST_WORDS:]
        raise StillError(f"ffmpeg says: {words or done.returncode}")
    return done.stdout
