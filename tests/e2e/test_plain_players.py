"""Players that know nothing of low latency play every address, live, after the end and past a killed transcoder.

They are ffmpeg and GStreamer (make chaos).
"""

import os
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import httpx
import pytest

from tests.e2e.client import Stream, run_of
from tests.e2e.encoder import publishing
from tests.e2e.processes import ffmpegs
from tests.plain_http import fetch
from tests.services import HANG_S, wait_until
from tests.stack.whole import RunningStack

pytestmark = [pytest.mark.chaos, pytest.mark.e2e]

_LIVE_S = 20
_PICTURE_S, _SOUND_FRAME_S = 1 / 30, 1024 / 44_100
# ffmpeg's word of every live playlist with an initialization section, its own as well: it reads that section again
# whenever it has read the playlist again.
_READ_AGAIN = re.compile(
    r"^\[mov,mp4,m4a,3gp,3g2,mj2 @ \w+\] Found duplicated MOOV Atom\. Skipped it\n"
    r"(?:    Last message repeated \d+ times\n)?",
    re.MULTILINE,
)
# Times are whole milliseconds at the encoder, and a picture may be as much as that off.
_SLACK_S = 0.002


@dataclass(frozen=True)
class Played:
    """What a player has shown, and what it complained of; times are in the order in which they were shown."""

    pictures_s: list[float]
    sounds_s: list[float]
    complaints: str

    def assert_whole(self, *, least_s: float) -> None:
        assert self.complaints == ""
        assert self.pictures_s or self.sounds_s
        for times_s, step_s in ((self.pictures_s, _PICTURE_S), (self.sounds_s, _SOUND_FRAME_S)):
            if times_s:
                assert times_s[-1] - times_s[0] >= least_s
                assert max(later - sooner for sooner, later in pairwise(times_s)) < step_s + 2 * _SLACK_S


def _addresses(stream: Stream) -> list[str]:
    """Return the multivariant playlist's address, and that of each rendition."""
    url = stream.created["playback_url"]
    sound: list[str] = re.findall(r'^#EXT-X-MEDIA:TYPE=AUDIO.*URI="([^"]+)"', fetch(url).text, re.MULTILINE)
    return [url, *dict.fromkeys([*stream.playlists(), *(str(httpx.URL(url).join(uri)) for uri in sound)])]


def _play(addresses: Iterable[str], *options: str, timeout_s: float) -> dict[str, Played]:
    """Play all of them at once, each by a player of its own."""
    argv = ["ffmpeg", "-nostdin", "-loglevel", "warning"]
    output = [*options, "-fps_mode", "passthrough", "-enc_time_base", "-1", "-c:a", "copy", "-f", "framecrc", "-"]
    players = {
        url: subprocess.Popen([*argv, "-i", url, *output], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for url in addresses
    }
    try:
        return {url: _read(*player.communicate(timeout=timeout_s)) for url, player in players.items()}
    finally:
        for player in players.values():
            player.kill()


def _read(output: str, complaints: str) -> Played:
    """Read ffmpeg's list: stream, decoding time, time, duration, size and checksum of each frame."""
    units_s: dict[str, float] = {}
    kinds: dict[str, str] = {}
    times_s: dict[str, list[float]] = defaultdict(list)
    for line in output.splitlines():
        if line.startswith("#tb "):
            number, fraction = line.removeprefix("#tb ").split(": ")
            units_s[number] = float(fraction.split("/")[0]) / float(fraction.split("/")[1])
        elif line.startswith("#media_type "):
            number, kind = line.removeprefix("#media_type ").split(": ")
            kinds[kind] = number
        elif not line.startswith("#"):
            number, _, shown, *_ = (word.strip() for word in line.split(","))
            times_s[number].append(int(shown) * units_s[number])
    complaints = _READ_AGAIN.sub("", complaints)
    return Played(times_s[kinds.get("video", "")], times_s[kinds.get("audio", "")], complaints)


def _play_in_gstreamer(address: str) -> dict[str, list[float]]:
    """Play a multivariant playlist to its end; return when pictures and sounds were to be shown."""
    sinks = [f"{kind}-sink=fakesink name={kind} silent=false sync=false" for kind in ("video", "audio")]
    player = subprocess.run(
        ["gst-launch-1.0", "-v", "playbin3", f"uri={address}", *sinks],
        capture_output=True,
        check=True,
        text=True,
        timeout=HANG_S,
    )
    shown = re.findall(r"last-message = chain .*\((\w+):sink\).* pts: (\d+):(\d+):([\d.]+)", player.stdout)
    times_s: dict[str, list[float]] = defaultdict(list)
    for kind, hours, minutes, seconds in shown:
        times_s[kind].append(int(hours) * 3600 + int(minutes) * 60 + float(seconds))
    return times_s


def test_play_every_address_live_and_after_the_end(stream: Stream) -> None:
    with publishing(stream.publish_url, size="854x480", kbps=900) as encoder:
        stream.await_status("LIVE")
        addresses = _addresses(stream)
        assert len(addresses) == 4
        # They know of no parts.
        wait_until(lambda: all("#EXTINF" in fetch(url).text for url in addresses[1:]), what="whole segments")

        live = _play(addresses, "-t", str(_LIVE_S), timeout_s=_LIVE_S + HANG_S)

        encoder.stop()
        stream.await_status("OFFLINE")
    for played in live.values():
        played.assert_whole(least_s=_LIVE_S - 1)
    for played in _play(addresses, timeout_s=HANG_S).values():
        played.assert_whole(least_s=_LIVE_S)


@pytest.fixture
def broken(stack: RunningStack, stream: Stream) -> Stream:
    """A broadcast that is over, the transcoder of which was killed in the middle."""
    with publishing(stream.publish_url, size="854x480", kbps=900) as encoder:
        stream.await_status("LIVE")
        before = stream.newest_segment()
        wait_until(lambda: stream.has_newer_than(before), what="another segment")
        run = run_of(stream)
        [transcoder] = ffmpegs(stack, pulls=False)
        os.kill(transcoder, 9)
        wait_until(lambda: run_of(stream) not in {run, None}, what="the next run")
        before = stream.newest_segment()
        wait_until(lambda: stream.has_newer_than(before), what="another segment")
        encoder.stop()
        stream.await_status("OFFLINE")
    return stream


def test_play_past_a_killed_transcoder(broken: Stream) -> None:
    addresses = _addresses(broken)

    for url, played in _play(addresses[1:], timeout_s=HANG_S).items():
        playlist = fetch(url).text
        assert playlist.count("#EXT-X-DISCONTINUITY\n") == 1
        length_s = _length_s(playlist)
        assert played.complaints == ""
        times_s = played.pictures_s or played.sounds_s
        # What the encoder sent until there was another transcoder is in no playlist.
        assert length_s - 0.3 < times_s[-1] - times_s[0] < length_s + HANG_S


@pytest.mark.skipif(not shutil.which("gst-launch-1.0"), reason="GStreamer is not installed")
def test_gstreamer_plays_past_a_killed_transcoder(broken: Stream) -> None:
    addresses = _addresses(broken)
    length_s = _length_s(fetch(addresses[1]).text)

    played = _play_in_gstreamer(addresses[0])

    for kind, step_s in (("video", _PICTURE_S), ("audio", _SOUND_FRAME_S)):
        times_s = played[kind]
        assert len(times_s) * step_s == pytest.approx(length_s, abs=0.5)
        assert times_s == sorted(times_s)


def _length_s(playlist: str) -> float:
    return sum(float(seconds) for seconds in re.findall(r"#EXTINF:([\d.]+)", playlist))
