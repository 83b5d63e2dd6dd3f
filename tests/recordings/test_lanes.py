"""Storages that do not answer leave room for others', and taking goes on whatever they do."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from uuid import UUID, uuid4

import pytest
from pytest_django import Settings

from livehub.core import clock
from streams.models import Clip, Lease, RecordedSegment, Recording, Session
from streams.organizations.services import SYSTEM, NewOrganization
from streams.recordings.advancing import advance_recording
from streams.recordings.clips.making import make_clip
from streams.recordings.clips.services import clip_livestream
from streams.recordings.clips.wishes import Wish
from streams.recordings.lanes import LANES, LANES_OF_AN_APP, Lanes, lanes
from streams.recordings.storage_services import create_storage_target
from streams.recordings.stores.faults import store_error
from tests.recordings.broadcast import MadeBroadcast, went_live
from tests.stores.storages import storage_of

ONE, TWO, THREE = uuid4(), uuid4(), uuid4()


class SteadyClock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def steady() -> SteadyClock:
    return SteadyClock()


@pytest.fixture
def ours(steady: SteadyClock) -> Lanes:
    return Lanes(read_clock=steady)


def _takes(ours: Lanes, app_id: UUID, held: ExitStack, storage_id: UUID | None = ONE) -> bool:
    return held.enter_context(ours.lane(app_id=app_id, storage_id=storage_id))


def _fails(ours: Lanes, code: str, storage_id: UUID = ONE) -> None:
    with suppress(Exception), ours.lane(app_id=ONE, storage_id=storage_id) as is_free:
        assert is_free
        raise store_error(code)


def _is_let(ours: Lanes, storage_id: UUID | None = ONE) -> bool:
    with ours.lane(app_id=ONE, storage_id=storage_id) as is_free:
        return is_free


class TestRoom:
    def test_an_app_has_some_lanes_of_all(self, ours: Lanes) -> None:
        with ExitStack() as held:
            taken = [_takes(ours, ONE, held) for _ in range(LANES_OF_AN_APP + 1)]
            others = [_takes(ours, TWO, held) for _ in range(LANES_OF_AN_APP)]
            late = _takes(ours, THREE, held)
        assert taken == [True] * LANES_OF_AN_APP + [False]
        assert (others, late) == ([True] * LANES_OF_AN_APP, False)
        assert LANES == 2 * LANES_OF_AN_APP
        assert _is_let(ours)

    def test_this_machines_folder_needs_none(self, ours: Lanes) -> None:
        with ExitStack() as held:
            assert all(_takes(ours, ONE, held, None) for _ in range(LANES + 1))


class TestRest:
    def test_what_does_not_answer_is_left_alone_longer_each_time(self, ours: Lanes, steady: SteadyClock) -> None:
        for rest_s in (30, 60, 120, 240, 480, 600, 600):
            _fails(ours, "timed_out")
            steady.now_s += rest_s - 1
            assert not _is_let(ours)
            steady.now_s += 1

    def test_others_are_not(self, ours: Lanes) -> None:
        _fails(ours, "timed_out")

        assert (_is_let(ours, TWO), _is_let(ours, None)) == (True, True)

    def test_what_answers_at_once_is_tried_again_at_once(self, ours: Lanes) -> None:
        _fails(ours, "credentials_refused")

        assert _is_let(ours)

    def test_an_answer_lets_it_begin_anew(self, ours: Lanes, steady: SteadyClock) -> None:
        _fails(ours, "timed_out")
        steady.now_s += 30
        assert _is_let(ours)
        _fails(ours, "timed_out")
        steady.now_s += 30
        assert _is_let(ours)


@pytest.fixture
def full(lease: Lease, home: NewOrganization) -> Iterator[None]:
    """All lanes that the app has are used."""
    with ExitStack() as held:
        for _ in range(LANES_OF_AN_APP):
            assert _takes(lanes, home.app.pk, held)
        yield


@pytest.fixture
def lease(session: Session) -> Lease:
    return went_live(session)


def test_without_a_lane_the_broadcast_is_taken_all_the_same(
    session: Session, home: NewOrganization, full: None, settings: Settings
) -> None:
    storage = create_storage_target(
        app=home.app,
        type="s3",
        actor=SYSTEM,
        name="Tar pit",
        bucket="films",
        endpoint="https://s3.example.com",
        access_key="a",
        secret="b",
    )
    Recording.objects.update(storage=storage, part_size=1)
    broadcast = MadeBroadcast(session, began_ms=clock.epoch_ms(clock.now()))
    broadcast.add(2)

    advance_recording(recording_id=Recording.objects.get().pk)

    recording = Recording.objects.get()
    assert (recording.status, recording.problem, recording.advancing_until) == ("recording", "", None)
    assert (RecordedSegment.objects.count(), recording.parts.count()) == (4, 0)


def test_without_a_lane_a_clip_waits(session: Session, home: NewOrganization, full: None) -> None:
    MadeBroadcast(session, began_ms=clock.epoch_ms(clock.now()) - 60_000).add(4)
    clip = clip_livestream(livestream=session.livestream, wish=Wish(last_ms=2000), title="", actor=SYSTEM)
    Clip.objects.update(storage=storage_of(home.app))

    make_clip(clip_id=clip.pk)

    clip.refresh_from_db()
    assert (clip.status, clip.problem, clip.making_until, clip.upload_token) == ("making", "", None, "")
