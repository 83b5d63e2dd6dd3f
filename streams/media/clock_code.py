"""The time of day drawn into a picture, as a row of bars that survives encoding and scaling, and read out of it again.

Milliseconds modulo 2^24 (four and a half hours), the lowest bit first. Each bit is two fields side by side, of which
the left one is white for a one and the right one for a zero: so a reader needs no threshold, and sees damage.
"""

import subprocess

_BITS = 24
_FIELDS = 2 * _BITS
# Of the picture's height: as much is drawn, and the middle half of that is read.
_HEIGHT = 24
# Bytes of a frame that has been narrowed to the bars: two of each field, of which encoders blur the borders.
_STRIP = 2 * _FIELDS
# Less than this between black and white is neither.
_CONTRAST = 48
_WINDOW_MS = 1 << _BITS
_DECODE_S = 4.0


def drawing(*, rate: int) -> str:
    """Return ffmpeg's filters that draw the time at which a frame passes them, in a stream of `rate` frames a second.

    They number the frames anew: what comes out begins at 0 and is evenly spaced.
    """
    fields = [_field(bit, is_one=is_one) for bit in range(_BITS) for is_one in (True, False)]
    ground = f"drawbox=x=0:y=0:w=iw:h=ih/{_HEIGHT}:color=black:t=fill"
    return ",".join(["settb=1/1000", "setpts=RTCTIME/1000", ground, *fields, f"setpts=N*1000/{rate}"])


def decode(media: bytes, *, timeout_s: float = _DECODE_S) -> list[int | None]:
    """Return what each frame of this media says, in milliseconds modulo 2^24; None for one that says nothing legible.

    :raises DecodeFailedError: when ffmpeg can make nothing of it, or not in time.
    """
    narrowing = f"crop=iw:ih/{2 * _HEIGHT}:0:ih/{4 * _HEIGHT},scale={_STRIP}:1:flags=area,format=gray"
    argv = ["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error", "-threads", "1", "-i", "pipe:0"]
    argv = ["setpriv", "--pdeathsig", "KILL", "--", *argv, "-vf", narrowing]
    argv += ["-fps_mode", "passthrough", "-f", "rawvideo", "pipe:1"]
    try:
        done = subprocess.run(argv, input=media, capture_output=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise DecodeFailedError(f"ffmpeg did not decode it within {timeout_s:.1f} s") from error
    strips = [done.stdout[at : at + _STRIP] for at in range(0, len(done.stdout) - _STRIP + 1, _STRIP)]
    if not strips:
        raise DecodeFailedError(done.stderr.decode(errors="replace").strip()[-200:] or "no picture came out of it")
    return [read(strip) for strip in strips]


def read(strip: bytes) -> int | None:
    """Return what a strip says, 96 bytes of gray from left to right; None when it is damaged, or none."""
    code = 0
    for bit in range(_BITS):
        one, zero, *rest = (sum(strip[at : at + 2]) // 2 for at in range(4 * bit, 4 * bit + 4, 2))
        if rest or abs(one - zero) < _CONTRAST:
            return None
        code |= (one > zero) << bit
    return code


def age_ms(code: int, *, at_ms: int) -> int:
    """Return how old a picture with this code is at that time of day, in milliseconds since 1970; below 4.6 hours."""
    return (at_ms - code) % _WINDOW_MS


class DecodeFailedError(Exception):
    """No picture came out of the media."""


def _field(bit: int, *, is_one: bool) -> str:
    place = 2 * bit + (0 if is_one else 1)
    shown = f"eq(mod(floor(t*1000/{1 << bit}),2),{int(is_one)})"
    return f"drawbox=x='iw*{place}/{_FIELDS}':y=0:w='iw/{_FIELDS}':h='ih/{_HEIGHT}':color=white:t=fill:enable='{shown}'"
