"""How old pictures are when the edge hands them out, read from outside: by looks at playlists and bars of its own.

Of the product it knows what is written down: RFC 8216bis, and how the time is drawn (`streams/media/clock_code.py`).
"""

import re
import subprocess
import time
from dataclasses import dataclass
from urllib.parse import urljoin

import httpx

from tests.plain_http import plain_client

_BITS, _FIELDS = 24, 48
_WINDOW_MS = 1 << _BITS
_WIDTH, _HEIGHT = 1280, 720
_BEST = re.compile(r"#EXT-X-STREAM-INF:(?=.*RESOLUTION)(?:.*,)?BANDWIDTH=(\d+).*\n(.+)")
_INIT = re.compile(r'#EXT-X-MAP:URI="([^"]+)"')
_HINT = re.compile(r'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="([^"]+)"')
_PART = re.compile(r"(.+)\.(\d+)\.m4s")
# Not counted as a viewer: a self-test awaits that it is the only one.
_AGENT = "Googlebot/2.1 (+http://www.google.com/bot.html)"
_LOOK_S = 0.005


@dataclass(frozen=True)
class _Part:
    segment: str
    index: int
    media: bytes
    at_ms: int


@dataclass(frozen=True)
class PartAges:
    """How old the newest and the oldest picture of a part were when it had come, and when that was, since 1970."""

    newest_ms: int
    oldest_ms: int
    at_ms: int


def read_ages(url: str, *, parts: int) -> list[PartAges]:
    """Return those of the next parts of the best rendition."""
    with plain_client(headers={"User-Agent": _AGENT}) as client:
        text = client.get(url).raise_for_status().text
        playlist = urljoin(url, max(_BEST.findall(text), key=lambda found: int(found[0]))[1])
        init, fetched = _fetch(client, playlist, count=parts)
    found = []
    for number, part in enumerate(fetched):
        before = [each for each in fetched[:number] if each.segment == part.segment]
        if len(before) < part.index:
            # Its segment had begun before: there is no key frame to begin with.
            continue
        known = len(_codes(init + b"".join(each.media for each in before))) if before else 0
        codes = _codes(init + b"".join(each.media for each in [*before, part]))[known:]
        newest_ms, oldest_ms = ((part.at_ms - code) % _WINDOW_MS for code in (codes[-1], codes[0]))
        found.append(PartAges(newest_ms, oldest_ms, part.at_ms))
    return found


def _fetch(client: httpx.Client, playlist: str, *, count: int) -> tuple[bytes, list[_Part]]:
    """Ask for each part before it is there: the answer comes as soon as it is."""
    text = client.get(playlist).raise_for_status().text
    init = client.get(urljoin(playlist, _INIT.findall(text)[-1])).raise_for_status().content
    fetched: list[_Part] = []
    last = ""
    while len(fetched) < count:
        hint = next(iter(_HINT.findall(client.get(playlist).raise_for_status().text)), last)
        if hint == last:
            time.sleep(_LOOK_S)
            continue
        last, answer = hint, client.get(urljoin(playlist, hint))
        at_ms = time.time_ns() // 1_000_000
        # It does not come where its segment was over before it.
        if answer.status_code != httpx.codes.NOT_FOUND:
            segment, index = _PART.findall(hint)[0]
            fetched.append(_Part(segment, int(index), answer.raise_for_status().content, at_ms))
    return init, fetched


def _codes(media: bytes) -> list[int]:
    """Return what the bars of each picture say."""
    argv = ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", "pipe:0", "-an", "-fps_mode", "passthrough"]
    argv += ["-vf", f"crop={_WIDTH}:2:0:{_HEIGHT // _FIELDS},format=gray", "-f", "rawvideo", "pipe:1"]
    rows = subprocess.run(argv, input=media, capture_output=True, check=True).stdout
    return [_code(rows[at : at + _WIDTH]) for at in range(0, len(rows), 2 * _WIDTH)]


def _code(row: bytes) -> int:
    fields = [row[int((place + 0.5) * _WIDTH / _FIELDS)] for place in range(_FIELDS)]
    return sum(1 << bit for bit in range(_BITS) if fields[2 * bit] > fields[2 * bit + 1])
