"""A storage that is killed again and again, is away for an hour, or whose clock is another: the file is whole."""

import subprocess
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pytest_django import Settings

from livehub.core import clock
from streams.models import Livestream, Recording, RecordingPart, Session, StorageTarget
from streams.organizations.services import SYSTEM, NewOrganization
from streams.recordings import services
from streams.recordings.advancing import advance_recording
from streams.recordings.storage_services import create_storage_target
from streams.recordings.stores.base import PART_SIZE_MIN_BYTES
from streams.recordings.storing import store_of
from tests.recordings.broadcast import MadeBroadcast, is_over, went_live
from tests.recordings.relay import relay
from tests.stores.servers import Swift, killable_swift

# Committed: nothing may be open while servers start.
pytestmark = [pytest.mark.chaos, pytest.mark.django_db(transaction=True)]

# The least that the server takes, as it is configured.
_PART = 262_144
_KILLS = 20
_HOUR_S, _LOOK_EVERY_S = 3600, 60
# Twice what servers of S3 allow.
_AHEAD_S = 1800


@pytest.fixture
def swift(tmp_path: Path) -> Iterator[Swift]:
    folder = tmp_path / "swift"
    folder.mkdir()
    with killable_swift(folder) as servers:
        yield servers


@pytest.fixture(autouse=True)
def by_call_alone(settings: Settings) -> None:
    settings.RECORD_AUTOMATICALLY = False
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]


def _bucket(home: NewOrganization, swift: Swift, *, port: int | None = None) -> StorageTarget:
    reached = swift.settings
    return create_storage_target(
        app=home.app,
        type="s3",
        actor=SYSTEM,
        name="Films",
        bucket=reached.bucket,
        region=reached.region,
        endpoint=f"http://127.0.0.1:{port}" if port else reached.endpoint,
        access_key=reached.access_key,
        secret=reached.secret,
    )


def _recording(livestream: Livestream, bucket: StorageTarget, *, part_size: int = _PART) -> Recording:
    """Begin one that takes all that there was."""
    new = services.NewRecording(storage=bucket, allows_multiple=True)
    recording = services.start_recording(livestream=livestream, new=new, actor=SYSTEM)
    Recording.objects.filter(pk=recording.pk).update(part_size=part_size, from_ms=None)
    return recording


def _advanced(recording: Recording) -> Recording:
    advance_recording(recording_id=recording.pk)
    recording.refresh_from_db()
    return recording


def _content(recording: Recording) -> bytes:
    assert (recording.status, recording.problem, recording.is_verified) == ("uploaded", "", True)
    assert recording.size is not None
    return store_of(recording).read(recording.object_name, offset=0, length=recording.size)


def _frames(content: bytes, path: Path) -> int:
    path.write_bytes(content)
    argv = ["ffprobe", "-loglevel", "error", "-count_packets", "-select_streams", "v", "-show_entries"]
    argv += ["stream=nb_read_packets", "-of", "csv=p=0", str(path)]
    return int(subprocess.run(argv, capture_output=True, check=True).stdout)


@pytest.mark.parametrize("sent_live", [False, True])
def test_that_is_killed_at_twenty_moments_has_the_same_file(
    session: Session, livestream: Livestream, home: NewOrganization, swift: Swift, sent_live: bool
) -> None:
    lease = went_live(session)
    broadcast = MadeBroadcast(session, began_ms=clock.epoch_ms(clock.now()))
    broadcast.add(60)
    with relay(urlsplit(swift.settings.endpoint).port or 0) as between:
        bucket = _bucket(home, swift, port=between.port)
        peaceful, killed = (_recording(livestream, bucket) for _ in range(2))
        before = 0
        if sent_live:
            between.begin([], lambda: None)
            before = min(_advanced(recording).parts.count() for recording in (peaceful, killed))
            assert before > 1
        broadcast.add(60)
        broadcast.end()
        is_over(lease)
        between.begin([], lambda: None)
        _advanced(peaceful)
        passed, requests = between.passed, between.requests
        whole = _content(peaceful)
        parts = RecordingPart.objects.filter(recording=peaceful).count()
        # The first one again, if it was sent before its size was known.
        due = parts - before + sent_live
        assert _sent(requests) == due > 5

        victims, dead = cycle(["proxy", "object"]), list[str]()

        def strike() -> None:
            dead.append(next(victims))
            swift.kill(dead[-1])

        # Evenly over all that passes when nobody is killed.
        between.begin([passed * number // (_KILLS + 1) for number in range(1, _KILLS + 1)], strike)
        for _ in range(2 * _KILLS):
            _advanced(killed)
            if killed.status == "uploaded":
                break
            assert (killed.status, bool(killed.problem)) == ("uploading", True)
            for kind in dead:
                swift.start(kind)
            dead.clear()
            swift.await_answer()
        assert between.moments == []
        assert _content(killed) == whole
        assert _sent(between.requests) <= due + _KILLS


def _sent(requests: list[str]) -> int:
    return sum("partNumber=" in line for line in requests if line.startswith("PUT"))


def test_that_is_away_for_an_hour_has_all_of_it_afterwards(
    session: Session, livestream: Livestream, home: NewOrganization, swift: Swift, tmp_path: Path
) -> None:
    lease = went_live(session)
    broadcast = MadeBroadcast(session, began_ms=clock.epoch_ms(clock.now()))
    recording = _recording(livestream, _bucket(home, swift), part_size=PART_SIZE_MIN_BYTES)
    broadcast.add(_LOOK_EVERY_S)
    assert _advanced(recording).problem == ""
    swift.kill("proxy")
    for _ in range(_HOUR_S // _LOOK_EVERY_S):
        broadcast.add(_LOOK_EVERY_S)
        _advanced(recording)
    assert (recording.status, "refuses connections" in recording.problem) == ("recording", True)
    broadcast.end()
    is_over(lease)
    _advanced(recording)
    assert (recording.status, "refuses connections" in recording.problem) == ("uploading", True)

    swift.start("proxy")
    swift.await_answer()
    content = _content(_advanced(recording))

    assert recording.gaps == []
    assert _frames(content, tmp_path / "fetched.mp4") == (_HOUR_S + _LOOK_EVERY_S) * 30


def test_whose_clock_is_another_says_so(
    session: Session, livestream: Livestream, home: NewOrganization, swift: Swift
) -> None:
    lease = went_live(session)
    broadcast = MadeBroadcast(session, began_ms=clock.epoch_ms(clock.now()))
    recording = _recording(livestream, _bucket(home, swift))
    broadcast.add(2)
    broadcast.end()
    is_over(lease)
    swift.kill("proxy")
    swift.start("proxy", ahead_s=_AHEAD_S)
    swift.await_answer()
    _advanced(recording)
    assert recording.status == "uploading"
    assert recording.problem.startswith("The clock of LiveHub's machine differs from the storage's.")

    swift.kill("proxy")
    swift.start("proxy")
    swift.await_answer()

    assert len(_content(_advanced(recording))) == recording.size
