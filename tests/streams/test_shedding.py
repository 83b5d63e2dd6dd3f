"""Which sessions do without rungs, and when those come back."""

from uuid import UUID, uuid4

import pytest

from streams.livestreams.shedding import IdleCores, Shedding

_HD, _SD = 1280 * 720 * 30.0, 854 * 480 * 30.0
_MINUTE_S = 60.0


class _Cores:
    """Cores of which so many are idle, by a clock that a test sets."""

    def __init__(self) -> None:
        self.idle = 2.0
        self.now_s = 1000.0
        self._idle_s = 0.0

    def read_idle_s(self) -> float:
        return self._idle_s

    def go_on(self, seconds: float) -> None:
        self.now_s += seconds
        self._idle_s += seconds * self.idle


@pytest.fixture
def cores() -> _Cores:
    return _Cores()


@pytest.fixture
def shedding(cores: _Cores) -> Shedding:
    return Shedding(IdleCores(cores.read_idle_s))


def _restored_after_s(shedding: Shedding, cores: _Cores, *sessions: UUID, at_most_s: float) -> float | None:
    """Ask every second for each session; return after how many seconds the first one got its rung back."""
    for second in range(1, round(at_most_s) + 1):
        cores.go_on(1)
        if any(shedding.restore(session, now_s=cores.now_s) for session in sessions):
            return second
    return None


class TestShed:
    def test_takes_one_rung_after_the_other(self, shedding: Shedding, cores: _Cores) -> None:
        session = uuid4()
        assert shedding.count(session) == 0

        assert shedding.shed(session, pixels_per_s=_HD, now_s=100)
        assert shedding.count(session) == 1
        assert not shedding.shed(session, pixels_per_s=_SD, now_s=104.9)
        assert shedding.shed(session, pixels_per_s=_SD, now_s=105)
        assert shedding.count(session) == 2

    def test_takes_them_from_one_session_at_a_time(self, shedding: Shedding) -> None:
        first, second = uuid4(), uuid4()

        assert shedding.shed(first, pixels_per_s=_HD, now_s=100)
        assert not shedding.shed(second, pixels_per_s=_HD, now_s=101)
        assert shedding.shed(second, pixels_per_s=_HD, now_s=105)
        assert (shedding.count(first), shedding.count(second)) == (1, 1)

    def test_takes_the_one_first_that_frees_most(self, shedding: Shedding) -> None:
        small, tall = uuid4(), uuid4()
        assert shedding.shed(uuid4(), pixels_per_s=_HD, now_s=100)
        assert not shedding.shed(tall, pixels_per_s=_HD, now_s=104.8)

        assert not shedding.shed(small, pixels_per_s=_SD, now_s=105)
        assert shedding.shed(tall, pixels_per_s=_HD, now_s=105.3)
        # The tall one complains no more.
        assert shedding.shed(small, pixels_per_s=_SD, now_s=110.3)

    def test_waits_for_nobody_who_has_stopped_complaining(self, shedding: Shedding) -> None:
        assert shedding.shed(uuid4(), pixels_per_s=_HD, now_s=100)
        assert not shedding.shed(uuid4(), pixels_per_s=_HD, now_s=101)

        assert shedding.shed(uuid4(), pixels_per_s=_SD, now_s=106)

    def test_is_forgotten_with_its_session(self, shedding: Shedding) -> None:
        session = uuid4()
        shedding.shed(session, pixels_per_s=_HD, now_s=100)

        shedding.forget(session)

        assert shedding.count(session) == 0
        assert not shedding.restore(session, now_s=9999)


class TestRestore:
    def test_comes_after_five_minutes_when_there_is_room(self, shedding: Shedding, cores: _Cores) -> None:
        session = uuid4()
        assert shedding.shed(session, pixels_per_s=_HD, now_s=cores.now_s)

        assert _restored_after_s(shedding, cores, session, at_most_s=400) == 300
        assert shedding.count(session) == 0
        assert _restored_after_s(shedding, cores, session, at_most_s=400) is None

    def test_waits_for_a_minute_with_room(self, shedding: Shedding, cores: _Cores) -> None:
        session = uuid4()
        shedding.shed(session, pixels_per_s=_HD, now_s=cores.now_s)
        # 720p needs about half a core.
        cores.idle = 0.3
        assert _restored_after_s(shedding, cores, session, at_most_s=900) is None

        cores.idle = 1.0

        waited_s = _restored_after_s(shedding, cores, session, at_most_s=900)
        assert waited_s is not None
        assert 25 < waited_s <= 65

    def test_takes_twice_as_long_each_time_up_to_forty_minutes(self, shedding: Shedding, cores: _Cores) -> None:
        session, waits = uuid4(), []
        for _ in range(5):
            assert shedding.shed(session, pixels_per_s=_HD, now_s=cores.now_s)
            waits.append(_restored_after_s(shedding, cores, session, at_most_s=3000))

        assert waits == [300, 600, 1200, 2400, 2400]

    def test_gives_one_rung_back_at_a_time(self, shedding: Shedding, cores: _Cores) -> None:
        """The room for the next one is measured with the first in it."""
        first, second = uuid4(), uuid4()
        assert shedding.shed(first, pixels_per_s=_HD, now_s=cores.now_s)
        cores.go_on(5)
        assert shedding.shed(second, pixels_per_s=_HD, now_s=cores.now_s)

        assert _restored_after_s(shedding, cores, first, second, at_most_s=400) == 295
        assert _restored_after_s(shedding, cores, first, second, at_most_s=400) == _MINUTE_S
        assert (shedding.count(first), shedding.count(second)) == (0, 0)

    def test_of_another_workers_rungs_comes_one_by_one_as_of_its_own(self, shedding: Shedding, cores: _Cores) -> None:
        session = uuid4()
        shedding.take_over(session, pixels_per_s=[_HD, _SD], now_s=cores.now_s)
        assert shedding.count(session) == 2

        # It was left out twice, as far as anybody knows.
        assert _restored_after_s(shedding, cores, session, at_most_s=20 * _MINUTE_S) == 10 * _MINUTE_S
        assert shedding.count(session) == 1

    def test_goes_by_what_this_worker_knows_itself(self, shedding: Shedding, cores: _Cores) -> None:
        session = uuid4()
        assert shedding.shed(session, pixels_per_s=_HD, now_s=cores.now_s)
        assert _restored_after_s(shedding, cores, session, at_most_s=20 * _MINUTE_S) == 5 * _MINUTE_S

        shedding.take_over(session, pixels_per_s=[_HD], now_s=cores.now_s)

        assert shedding.count(session) == 0

    def test_knows_of_no_more_than_the_source_has(self, shedding: Shedding, cores: _Cores) -> None:
        session = uuid4()
        for at_s in (0.0, 5.0):
            assert shedding.shed(session, pixels_per_s=_HD, now_s=cores.now_s + at_s)

        shedding.found(session, left_out=1)

        assert shedding.count(session) == 1


class TestIdleCores:
    def test_is_the_mean_of_the_last_minute(self, cores: _Cores) -> None:
        idle, found = IdleCores(cores.read_idle_s), []
        for second in range(180):
            cores.idle = 1.5 if second < 100 else 0.5
            found.append(idle.look(now_s=cores.now_s))
            cores.go_on(1)

        assert found[:60] == [None] * 60
        assert found[60] == pytest.approx(1.5)
        assert found[130] == pytest.approx(1.0, abs=0.1)
        assert found[-1] == pytest.approx(0.5)

    def test_begins_anew_when_nobody_has_asked_for_long(self, cores: _Cores) -> None:
        idle = IdleCores(cores.read_idle_s)
        idle.look(now_s=cores.now_s)
        cores.go_on(300)

        assert idle.look(now_s=cores.now_s) is None

    def test_is_read_of_this_machine(self) -> None:
        idle = IdleCores()

        assert idle.look(now_s=0) is None
        for now_s in range(5, 65, 5):
            found = idle.look(now_s=now_s)
        assert found is not None
        assert found >= 0
