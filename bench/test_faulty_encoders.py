"""Twenty faulty encoders and healthy ones over the real thing: ffmpeg, nginx-rtmp, the relay and the transcoder.

Each is named by the right rule and by no other; it prints what was named when. The same in seconds, without an ingest
server: tests/media/doctor.

`make bench`, or `python -m pytest -m bench -s bench/test_faulty_encoders.py`. It takes 40 minutes, most of them for the
healthy ones: `BENCH_HEALTHY_MINUTES` is for how many. They need a machine with nothing else to do: an encoder that is
not let run falls behind, and is named for it.
"""

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from bench.lines import drawn
from bench.patients import DRIFTING, FAULTS, HEALTHY, Patient
from streams.media.doctor.doctor import Diagnosis
from streams.media.doctor.judgement import IngestFault
from streams.media.doctor.kinds import FindingKind as Kind
from streams.media.doctor.told import sentence
from streams.media.meter import Measured
from tests.media.broadcasts import Broadcast
from tests.media.ingest import Ingest, running_ingest
from tests.services import wait_until

pytestmark = pytest.mark.bench

# Of media, from when it begins to be wrong.
_SOON_S = 10.0
# Each is looked at for so much longer, for what else might be named.
_LONGER_S = 5.0
_AT_ONCE = 3
_HEALTHY_MINUTES = float(os.environ.get("BENCH_HEALTHY_MINUTES", "30"))
# Drift is looked for over five minutes.
_DRIFT_S = 300.0


class _Course(Broadcast):
    """A broadcast that keeps at which second of its media each kind was named first, and as what."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.named: dict[Kind, tuple[float, IngestFault]] = {}
        self.was_cut_short = False

    def check_in(
        self, *, media_ms: int, received_bytes: int, measured: Measured, packager_latency_ms: float | None
    ) -> None:
        """Take in how far it is, and with that what was said a moment before."""
        super().check_in(
            media_ms=media_ms,
            received_bytes=received_bytes,
            measured=measured,
            packager_latency_ms=packager_latency_ms,
        )
        diagnosis = self.diagnosis or Diagnosis(0.0)
        for fault in diagnosis.findings:
            self.named.setdefault(fault.kind, (self.media_s, fault))

    @property
    def media_s(self) -> float:
        return self.check_ins[-1][1] / 1000 if self.check_ins else 0.0

    def told(self, *, after_s: float = 0.0) -> str:
        """Return what was named when, in words."""
        words = [
            f"{kind} after {at_s - after_s:.1f} s ({fault.severity.word}: {sentence(kind, fault.value)})"
            for kind, (at_s, fault) in self.named.items()
        ]
        cut_short = f", and it was over before its time: {self.error!r}" if self.was_cut_short else ""
        return f"{', '.join(words) or 'nothing'}{cut_short}"


@pytest.fixture(scope="module")
def ingest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ingest]:
    with running_ingest(tmp_path_factory.mktemp("ingest")) as server:
        yield server


@contextmanager
def _broadcasting(ingest: Ingest, patient: Patient, *, name: str, folder: Path) -> Iterator[_Course]:
    url = ingest.server.pull_url(name)
    with ExitStack() as stack:
        if patient.line is not None:
            port = url.removeprefix("rtmp://127.0.0.1:").partition("/")[0]
            url = url.replace(port, str(stack.enter_context(drawn(patient.line, to_port=int(port)))), 1)
        for encoder in _sending(patient, url):
            stack.enter_context(encoder)
            stack.callback(encoder.kill)
        folder.mkdir()
        course = _Course(folder)
        try:
            wait_until(lambda: ingest.server.find_publisher(name), what="the publisher")
            course.start(ingest.server, name, gop_s=patient.far_gop_s, mode=patient.mode)
            yield course
        finally:
            course.end()


def _sending(patient: Patient, url: str) -> Iterator[subprocess.Popen[bytes]]:
    if patient.shift is None:
        yield subprocess.Popen(patient.argv(url), stdin=subprocess.DEVNULL)
        return
    encoder = subprocess.Popen(patient.argv("pipe:1"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    yield encoder
    yield subprocess.Popen(patient.shift.argv(url), stdin=encoder.stdout)


def _watched(ingest: Ingest, patient: Patient, *, seconds: float, folder: Path) -> _Course:
    """Return what was named of an encoder in so many seconds of its media."""
    with _broadcasting(ingest, patient, name=folder.name, folder=folder) as course:
        what = f"{seconds:.0f} s of media"
        wait_until(lambda: course.is_over or course.media_s >= seconds, timeout_s=4 * seconds + 60, what=what)
        course.was_cut_short = course.is_over
        return course


def _at_once(watched: Callable[[int, str], _Course], names: Sequence[str], *, of: int) -> list[_Course]:
    """Return each one's course, in order, looking at so many at a time."""
    with ThreadPoolExecutor(of) as pool:
        return list(pool.map(watched, range(len(names)), names))


def test_faults_are_named_soon_and_by_nothing_else(ingest: Ingest, tmp_path: Path) -> None:
    def watched(number: int, fault: str) -> _Course:
        patient, _ = FAULTS[fault]
        seconds = patient.after_s + _SOON_S + _LONGER_S
        return _watched(ingest, patient, seconds=seconds, folder=tmp_path / f"fault-{number}")

    named = [
        _is_named_well(fault, course)
        for fault, course in zip(FAULTS, _at_once(watched, list(FAULTS), of=_AT_ONCE), strict=True)
    ]

    print(f"figure: faulty encoders named within {_SOON_S:g} s by their cause alone: {sum(named)} of {len(named)} "
          f"(wanted all of {len(FAULTS)})")  # fmt: skip
    assert all(named)


def _is_named_well(fault: str, course: _Course) -> bool:
    patient, kind = FAULTS[fault]
    # A broadcast without a picture is ended.
    is_alone = course.was_cut_short == (kind is Kind.NO_VIDEO) and set(course.named) == {kind}
    is_well = is_alone and course.named[kind][0] - patient.after_s <= _SOON_S
    print(f"\n{'' if is_well else 'NOT WELL: '}{fault}: {course.told(after_s=patient.after_s)}", end="")
    return is_well


def test_a_clock_that_runs_too_fast_is_named_after_five_minutes(ingest: Ingest, tmp_path: Path) -> None:
    course = _watched(ingest, DRIFTING, seconds=_DRIFT_S + _LONGER_S, folder=tmp_path / "drift")

    print(f"\nfigure: clock drift named after: {course.told()} (wanted clock_drift alone, within {_DRIFT_S:g} s)")
    assert not course.was_cut_short
    assert set(course.named) == {Kind.CLOCK_DRIFT}
    assert course.named[Kind.CLOCK_DRIFT][0] <= _DRIFT_S


def test_nothing_is_said_of_healthy_ones(ingest: Ingest, tmp_path: Path) -> None:
    def watched(number: int, name: str) -> _Course:
        return _watched(ingest, HEALTHY[name], seconds=_HEALTHY_MINUTES * 60, folder=tmp_path / f"healthy-{number}")

    courses = dict(zip(HEALTHY, _at_once(watched, list(HEALTHY), of=len(HEALTHY)), strict=True))

    for name, course in courses.items():
        print(f"\n{name}: {course.told()}", end="")
    assert not any(course.was_cut_short for course in courses.values())
    count = sum(len(course.named) for course in courses.values())
    print(
        f"\nfigure: false findings in {_HEALTHY_MINUTES:g} min of {len(HEALTHY)} healthy encoders: {count} (wanted 0)"
    )
    assert count == 0
