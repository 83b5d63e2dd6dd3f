"""The program that sends broadcasts to other platforms, to a real nginx-rtmp: what arrives there is what is shown."""

import json
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.media.clips import flv
from tests.media.ingest import Ingest
from tests.media.shelved_clips import ShelvedClip, ShelvedSession
from tests.media.simulcaster import Simulcaster, simulcaster
from tests.services import HANG_S, wait_until


@pytest.fixture(scope="module")
def clip() -> ShelvedClip:
    """3 s with sound and B-frames: a key frame every second."""
    return ShelvedClip(flv(size="320x180", gop=30, seconds=3, x264="bframes=2"))


@pytest.fixture
def session(tmp_path: Path, clip: ShelvedClip) -> ShelvedSession:
    return ShelvedSession(tmp_path / "session", clip)


@pytest.fixture
def program(session: ShelvedSession) -> Iterator[Simulcaster]:
    with session.going_on(), simulcaster(session.folder) as running:
        yield running


def _url(ingest: Ingest) -> str:
    return ingest.server.pull_base_url.rstrip("/")


def _received(ingest: Ingest, name: str, path: Path, *, seconds: float) -> Path:
    """Return a recording of so much of what the platform gets."""
    argv = ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", ingest.server.pull_url(name), "-t", str(seconds)]
    subprocess.run([*argv, "-c", "copy", "-f", "flv", str(path)], check=True, timeout=HANG_S)
    return path


def _packets(path: Path, kind: str) -> list[dict[str, str]]:
    argv = ["ffprobe", "-loglevel", "error", "-select_streams", kind, "-show_packets", "-of", "json", str(path)]
    made = subprocess.run(argv, capture_output=True, check=True, timeout=HANG_S).stdout
    found: list[dict[str, str]] = json.loads(made)["packets"]
    return found


def test_a_platform_gets_picture_and_sound_as_they_are(ingest: Ingest, program: Simulcaster, tmp_path: Path) -> None:
    program.put("one", _url(ingest), "taken")
    program.await_state("one", "broadcasting")

    recording = _received(ingest, "taken", tmp_path / "got.flv", seconds=4)

    decoded = subprocess.run(
        ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", str(recording), "-f", "null", "-"],
        capture_output=True,
        check=True,
        timeout=HANG_S,
    )
    assert decoded.stderr == b""
    pictures, sounds = (_packets(recording, kind) for kind in "va")
    shown = sorted(float(packet["pts_time"]) for packet in pictures)
    heard = [float(packet["pts_time"]) for packet in sounds]
    # 30 frames a second and 1024 samples of 48 kHz, none missing, and together.
    assert max(later - earlier for earlier, later in pairwise(shown)) < 0.05
    assert max(later - earlier for earlier, later in pairwise(heard)) < 0.05
    assert abs(shown[0] - heard[0]) < 0.25
    assert abs(shown[-1] - heard[-1]) < 0.25
    decode_times = [int(packet["dts"]) for packet in pictures]
    assert decode_times == sorted(decode_times)


def test_bytes_are_those_that_were_taken(ingest: Ingest, program: Simulcaster) -> None:
    program.put("one", _url(ingest), "counted")
    program.await_bytes("one", 100_000)

    told = program.told["one"]
    assert (told["state"], told["reason"], told["message"], told["tries"]) == ("broadcasting", "", "", 1)
    assert told["rate"] > 0


def test_a_target_that_is_removed_gets_a_goodbye_at_once(ingest: Ingest, program: Simulcaster) -> None:
    program.put("one", _url(ingest), "leaves")
    program.await_state("one", "broadcasting")

    program.say(do="remove", id="one")

    wait_until(lambda: ingest.server.find_publisher("leaves") is None, what="the end of the simulcast")


def test_another_key_is_another_connection(ingest: Ingest, program: Simulcaster) -> None:
    program.put("one", _url(ingest), "before")
    program.await_state("one", "broadcasting")

    program.put("one", _url(ingest), "after")

    wait_until(lambda: ingest.server.find_publisher("after"), what="the other name")
    wait_until(lambda: ingest.server.find_publisher("before") is None, what="the end of the first")


def test_a_key_may_stand_in_the_address(ingest: Ingest, program: Simulcaster) -> None:
    program.put("one", f"{_url(ingest)}/within")

    wait_until(lambda: ingest.server.find_publisher("within"), what="the publisher")


def test_ends_with_who_runs_the_broadcast(ingest: Ingest, program: Simulcaster) -> None:
    program.put("one", _url(ingest), "orphan")
    program.await_state("one", "broadcasting")
    assert program.process.stdin is not None

    program.process.stdin.close()

    assert program.process.wait(HANG_S) == 0
    wait_until(lambda: ingest.server.find_publisher("orphan") is None, what="the end of the simulcast")


def test_the_end_of_a_broadcast_is_sent_whole(
    ingest: Ingest, session: ShelvedSession, tmp_path: Path, clip: ShelvedClip
) -> None:
    with simulcaster(session.folder) as program:
        with session.going_on():
            program.put("one", _url(ingest), "whole")
            program.await_state("one", "broadcasting")
        session.end()
        program.say(do="finish")

        assert program.process.wait(HANG_S) == 0
    assert program.states["one"][-1][0] == "idle"


def test_another_run_goes_on_in_the_same_connection_with_its_own_headers(
    ingest: Ingest, program: Simulcaster, session: ShelvedSession, tmp_path: Path
) -> None:
    """A take-over, a new encoder: other parameter sets, and times that go on."""
    program.put("one", _url(ingest), "goes-on")
    program.await_state("one", "broadcasting")
    argv = ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", ingest.server.pull_url("goes-on"), "-t", "5"]
    with subprocess.Popen([*argv, "-c", "copy", "-f", "flv", str(tmp_path / "got.flv")]) as recorder:
        wait_until(lambda: (tmp_path / "got.flv").exists(), what="the recording")
        session.run_epoch(ShelvedClip(flv(size="160x96", gop=30, seconds=3)))
        assert recorder.wait(HANG_S) == 0

    decode_times = [float(packet["dts_time"]) for packet in _packets(tmp_path / "got.flv", "v")]
    assert decode_times == sorted(decode_times)
    argv = ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", str(tmp_path / "got.flv")]
    sizes = subprocess.run(
        [*argv, "-vf", "showinfo", "-loglevel", "info", "-an", "-f", "null", "-"],
        capture_output=True,
        check=True,
        timeout=HANG_S,
    ).stderr
    assert b"s:320x180" in sizes
    assert b"160x96" in sizes
    assert program.told["one"]["tries"] == 1
