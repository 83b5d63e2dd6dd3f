"""A recording beside what viewers saw: the same pictures and sound, as far from each other as they were.

A broadcast of real encoders, whose worker is taken over from, whose encoder drops, and comes back in another size.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from streams.media.errors import BrokenOffError
from streams.media.job import WhileAway
from streams.media.journal import PartMade
from streams.models import Recording, Session
from streams.recordings import storing
from streams.recordings.advancing import advance_recording
from tests.media.broadcasts import Broadcast
from tests.media.clips import flv
from tests.media.ingest import Ingest, running_ingest
from tests.media.recorded import Recorded
from tests.media.recording.probing import Packet, packets, pictures
from tests.recordings.broadcast import folder_of, is_over, went_live
from tests.services import HANG_S, wait_until

# Committed: nothing may be open for as long as it lasts.
pytestmark = [pytest.mark.chaos, pytest.mark.django_db(transaction=True)]

_WIDE, _LARGER = {"size": "854x480"}, {"size": "1280x720"}
# Picture and sound to each other.
_MOST_APART_S = 0.040


@dataclass(frozen=True)
class _Live:
    """What a session's folder has of one run, as players get it."""

    pictures: list[str]
    picture_packets: list[Packet]
    sound_packets: list[Packet]


@pytest.fixture
def ingest(tmp_path: Path) -> Iterator[Ingest]:
    folder = tmp_path / "ingest"
    folder.mkdir()
    with running_ingest(folder) as server:
        yield server


@pytest.fixture
def broadcast(session: Session, tmp_path: Path) -> Iterator[Broadcast]:
    """One whose files lie where those of the session do."""
    run = Broadcast(tmp_path / "run")
    run.folder.mkdir()
    folder_of(session).mkdir(parents=True)
    (run.folder / "session").symlink_to(folder_of(session))
    run.while_away, run.wait_s = WhileAway.SLATE, HANG_S
    yield run
    run.end()


def _clip(folder: Path, how: dict[str, str]) -> Path:
    path = folder / f"{how['size']}.flv"
    path.write_bytes(flv(gop=30, seconds=6, **how))
    return path


def _end_ms(broadcast: Broadcast) -> float:
    ends = {
        part.slot: part.at_ms + part.duration_us / 1000 for part in broadcast.records() if isinstance(part, PartMade)
    }
    return min((ends.get(slot, 0.0) for slot in ("v0", "a0")), default=0.0)


def _await_more(broadcast: Broadcast, *, seconds: float) -> None:
    before_ms = _end_ms(broadcast)
    wait_until(lambda: broadcast.is_over or _end_ms(broadcast) >= before_ms + seconds * 1000, what="more media")
    assert not broadcast.is_over, broadcast.error


@contextmanager
def _back(broadcast: Broadcast, ingest: Ingest, clip: Path) -> Iterator[None]:
    """Let an encoder come back once its absence has been seen for a while."""
    times = broadcast.times_returned
    wait_until(lambda: broadcast.times_left > times or broadcast.is_over, what="the drop")
    _await_more(broadcast, seconds=2)
    with ingest.publishing("encoder", clip):
        broadcast.found_name = "encoder"
        wait_until(lambda: broadcast.times_returned > times or broadcast.is_over, what="the picture")
        yield


def _broadcast_all(broadcast: Broadcast, ingest: Ingest, folder: Path) -> None:
    with ingest.publishing("encoder", _clip(folder, _WIDE)):
        broadcast.start_playable(ingest.server, "encoder")
        _await_more(broadcast, seconds=3)
        # Its worker dies, and another one takes the session over.
        broadcast.to_raise = BrokenOffError()
        broadcast.await_end()
        broadcast.to_raise = None
        broadcast.start_again(ingest.server, "encoder")
        broadcast.await_playable()
        wait_until(lambda: list((broadcast.folder.parent / "slates").glob("*.flv")), what="the slate")
        _await_more(broadcast, seconds=3)
    for how in (_WIDE, _LARGER, _WIDE):
        with _back(broadcast, ingest, _clip(folder, how)):
            _await_more(broadcast, seconds=3)
    broadcast.end()


def _live_runs(folder: Path, known: set[str], work: Path) -> list[_Live]:
    """Return what was live of encoders, run by run: slates show pictures that none of their clips has."""
    recorded = Recorded(folder)
    runs = {segment.run.number for segment in recorded.timeline.slots["v0"].segments}
    found = []
    for run in sorted(runs):
        picture, sound = recorded.media("v0", run), recorded.media("a0", run)
        shown = pictures(picture)
        if not known.issuperset(shown):
            continue
        paths = work / f"{run}.v.mp4", work / f"{run}.a.mp4"
        for path, media in zip(paths, (picture, sound), strict=True):
            path.write_bytes(media)
        found.append(_Live(shown, packets(paths[0], "v"), packets(paths[1], "a")))
    return found


def test_has_the_pictures_and_the_sound_that_were_live_as_far_from_each_other(
    session: Session, broadcast: Broadcast, ingest: Ingest, tmp_path: Path
) -> None:
    lease = went_live(session)
    _broadcast_all(broadcast, ingest, tmp_path)
    is_over(lease)
    recording = Recording.objects.get()
    advance_recording(recording_id=recording.pk)

    recording.refresh_from_db()
    path = storing.folder_store().path(recording.object_name)
    known = {checksum for how in (_WIDE, _LARGER) for checksum in pictures(_clip(tmp_path, how))}
    runs = _live_runs(folder_of(session), known, tmp_path)
    # Two workers' of the first encoder, and three that came back.
    assert len(runs) == 5
    assert pictures(path) == [checksum for run in runs for checksum in run.pictures]
    stored = {"v": packets(path, "v"), "a": packets(path, "a")}
    assert [each.checksum for each in stored["a"]] == [each.checksum for run in runs for each in run.sound_packets]
    assert len(stored["v"]) == sum(len(run.picture_packets) for run in runs)
    for run in runs:
        # In order, so that each run's are the next ones.
        moved = [
            later.at_s - sooner.at_s
            for kind, live in (("v", run.picture_packets), ("a", run.sound_packets))
            for sooner, later in zip(live, stored[kind], strict=False)
        ]
        stored = {
            "v": stored["v"][len(run.picture_packets) :],
            "a": stored["a"][len(run.sound_packets) :],
        }
        assert max(moved) - min(moved) <= _MOST_APART_S
    assert [gap["reason"] for gap in recording.gaps if gap["reason"] == "slate"] == ["slate"] * 3
