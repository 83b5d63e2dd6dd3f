"""Runs that begin before any encoder was there: through the real nginx-rtmp and ffmpeg, checked by ffprobe."""

from itertools import pairwise
from pathlib import Path

import pytest

from streams.media.job import WhileAway
from streams.media.journal import PartMade
from streams.media.source import Source
from tests.media.broadcasts import Broadcast
from tests.media.clips import flv
from tests.media.crafted import without_picture
from tests.media.ingest import Ingest
from tests.media.recorded import Recorded
from tests.services import HANG_S, wait_until

# What nobody has sent yet.
_EXPECTED = Source("h264", "High", "yuv420p", 854, 480, 30.0, 1000, 0.0, "aac", "LC", 2, 44_100)
# Of parts that follow each other by the media's clock.
_ROUNDING_MS = 100


@pytest.fixture
def waiting(broadcast: Broadcast, ingest: Ingest) -> Broadcast:
    """One whose slate can be played, and that waits for its first encoder."""
    broadcast.while_away, broadcast.wait_s = WhileAway.SLATE, HANG_S
    broadcast.start(ingest.server, "", source=_EXPECTED)
    broadcast.await_playable()
    return broadcast


def _await_more(broadcast: Broadcast, *, seconds: float) -> None:
    """Return when all renditions have so much more."""
    assert broadcast.ladder is not None
    slots = [f"v{number}" for number in range(len(broadcast.ladder.videos))] + ["a0"]

    def ends() -> dict[str, float]:
        parts = [record for record in broadcast.records() if isinstance(record, PartMade)]
        return {part.slot: part.at_ms + part.duration_us / 1000 for part in parts}

    wanted = {slot: ends().get(slot, 0.0) + seconds * 1000 for slot in slots}
    wait_until(
        lambda: broadcast.is_over or all(ends().get(slot, 0.0) >= end for slot, end in wanted.items()),
        what="more media",
    )
    assert not broadcast.is_over, broadcast.error


def _close(broadcast: Broadcast) -> None:
    broadcast.to_raise = LookupError("closed by the operator")
    broadcast.await_end()
    assert broadcast.error is broadcast.to_raise


def _check(broadcast: Broadcast, *, runs: int) -> None:
    recorded = Recorded(broadcast.folder / "session")
    assert recorded.faults() == []
    for slot in recorded.timeline.slots.values():
        assert sorted({segment.run.number for segment in slot.segments}) == list(range(runs)), slot.name
        # Nothing is missing between two runs.
        for before, after in pairwise(slot.segments):
            assert abs(after.at_ms - before.at_ms - before.duration_us / 1000) < _ROUNDING_MS, slot.name


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({}, id="as expected"),
        pytest.param({"size": "1280x720", "fps": 25}, id="larger and slower"),
        pytest.param({"has_audio": False}, id="silent"),
    ],
)
def test_the_encoders_picture_follows_the_slate(
    ingest: Ingest, waiting: Broadcast, tmp_path: Path, sent: dict[str, object], request: pytest.FixtureRequest
) -> None:
    name = f"first-{request.node.callspec.id.replace(' ', '-')}"
    clip = tmp_path / "clip.flv"
    # Longer than it is played on a busy machine: where a clip begins anew, its sound is not evenly apart.
    clip.write_bytes(flv(**({"size": "854x480", "gop": 30, "seconds": 15} | sent)))
    _await_more(waiting, seconds=2)

    with ingest.publishing(name, clip):
        waiting.found_name = name
        wait_until(lambda: waiting.times_returned or waiting.is_over, what="the encoder's picture")
        _await_more(waiting, seconds=3)
        _close(waiting)

    assert waiting.times_returned == 1
    _check(waiting, runs=2)


def test_the_slate_goes_on_after_an_encoder_that_is_refused(ingest: Ingest, waiting: Broadcast, tmp_path: Path) -> None:
    blind = tmp_path / "blind.flv"
    blind.write_bytes(without_picture(flv(size="320x180", seconds=20)))

    with ingest.publishing("blind", blind):
        waiting.found_name = "blind"
        wait_until(lambda: waiting.refusals or waiting.is_over, what="the refusal")
    _await_more(waiting, seconds=1)
    _close(waiting)

    assert waiting.refusals == ["No video arrives. Add a video source to the encoder, in H.264."]
    _check(waiting, runs=1)


def test_ends_with_its_time_when_no_encoder_comes(ingest: Ingest, broadcast: Broadcast) -> None:
    broadcast.while_away, broadcast.wait_s = WhileAway.SLATE, 5
    broadcast.start(ingest.server, "", source=_EXPECTED)

    broadcast.await_end()

    assert broadcast.outcome is not None, broadcast.error
    assert broadcast.outcome.media_ms == 0
    _check(broadcast, runs=1)
