import os

import pytest

from streams.media.progress import AwakeClock, OutputWatch, Reports

_REPORT = b"frame=%d\nfps=0.00\nbitrate=N/A\nout_time_us=%d\nspeed=1x\nprogress=continue\n"


def _watch_of_a_working_transcoder() -> OutputWatch:
    watch = OutputWatch(now_s=0)
    watch.look(now_s=1, has_advanced=True, has_input=True)
    return watch


class TestOutputWatch:
    def test_sees_a_hang_while_input_flows(self) -> None:
        watch = _watch_of_a_working_transcoder()

        hung_at = next(at for at in range(1, 100) if _look_and_judge(watch, now_s=1 + at / 10, has_input=True))

        assert 20 < hung_at < 30

    def test_does_not_expect_output_without_input(self) -> None:
        watch = _watch_of_a_working_transcoder()

        assert not any(_look_and_judge(watch, now_s=1 + at / 10, has_input=at < 10) for at in range(1, 100))

    def test_gives_the_same_time_again_after_a_pause_of_the_input(self) -> None:
        watch = _watch_of_a_working_transcoder()
        for at in range(1, 10):
            _look_and_judge(watch, now_s=1 + at / 10, has_input=True)
        _look_and_judge(watch, now_s=10, has_input=False)

        assert not _look_and_judge(watch, now_s=20, has_input=True)
        assert watch.is_owing
        assert not _look_and_judge(watch, now_s=21.5, has_input=True)
        assert _look_and_judge(watch, now_s=22, has_input=True)

    def test_expects_nothing_more_once_the_input_stands_still(self) -> None:
        watch = _watch_of_a_working_transcoder()
        assert not watch.is_owing
        watch.look(now_s=2, has_advanced=False, has_input=True)

        watch.look(now_s=3, has_advanced=False, has_input=False)
        assert watch.is_owing
        watch.look(now_s=3.25, has_advanced=False, has_input=False)
        assert not watch.is_owing

    def test_expects_something_of_new_input_only(self) -> None:
        watch = _watch_of_a_working_transcoder()
        watch.look(now_s=1.75, has_advanced=False, has_input=True)

        watch.look(now_s=2, has_advanced=False, has_input=False)
        assert not watch.is_owing
        watch.look(now_s=2.25, has_advanced=False, has_input=True)
        assert watch.is_owing

    def test_takes_slow_progress_for_progress(self) -> None:
        watch = _watch_of_a_working_transcoder()

        for tenth in range(1, 300):
            watch.look(now_s=1 + tenth / 10, has_advanced=tenth % 20 == 0, has_input=True)
            assert not watch.is_hung(now_s=1 + tenth / 10)

    def test_is_patient_with_the_first_output(self) -> None:
        watch = OutputWatch(now_s=0)

        hung_at = next(at for at in range(1, 100) if _look_and_judge(watch, now_s=at, has_input=True))

        assert hung_at == 14
        assert not watch.is_owing


def _look_and_judge(watch: OutputWatch, *, now_s: float, has_input: bool) -> bool:
    watch.look(now_s=now_s, has_advanced=False, has_input=has_input)
    return watch.is_hung(now_s=now_s)


class TestReports:
    def test_tell_of_progress_only_when_there_is_more_output(self) -> None:
        reading, writing = os.pipe()
        reports = Reports(reading)
        assert not reports.have_advanced()

        os.write(writing, _REPORT % (3, 100))
        assert reports.have_advanced()
        os.write(writing, _REPORT % (3, 100))
        assert not reports.have_advanced()
        os.write(writing, _REPORT % (3, 200))
        assert reports.have_advanced()
        os.write(writing, (_REPORT % (4, 200))[:4])
        assert not reports.have_advanced()
        os.write(writing, (_REPORT % (4, 200))[4:])
        assert reports.have_advanced()
        os.close(reading)
        os.close(writing)

    def test_are_not_waited_for_once_the_pipe_is_closed(self) -> None:
        reading, writing = os.pipe()
        reports = Reports(reading)
        os.close(writing)

        assert not reports.have_advanced()
        assert reports.descriptor is None
        os.close(reading)
        assert not reports.have_advanced()


class TestAwakeClock:
    def test_leaves_out_what_was_longer_than_a_step(self, monkeypatch: pytest.MonkeyPatch) -> None:
        readings = iter([100.0, 100.5, 120.5])
        monkeypatch.setattr("time.monotonic", lambda: next(readings))
        clock = AwakeClock()

        clock.tick(at_most_s=1.25)
        assert clock.now_s == 0.5
        clock.tick(at_most_s=1.25)
        assert clock.now_s == 1.75
