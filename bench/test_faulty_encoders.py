"""Twenty faulty encoders and healthy ones over the real thing: ffmpeg, nginx-rtmp, the relay and the transcoder.

Each is named by the right rule and by no other; it prints what was named when. The same in seconds, without an ingest
server: tests/media/doctor.

`make bench`, or `python -m pytest -m bench -s bench/test_faulty_encoders.py`; it takes three quarters of an hour, one
after the other.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from streams.media.doctor.doctor import Diagnosis
from streams.media.doctor.kinds import FindingKind as Kind
from tests.media.broadcasts import Broadcast
from tests.media.ingest import Ingest, running_ingest
from tests.services import wait_until

pytestmark = pytest.mark.bench

# Of media, from when it begins to be wrong. How far a broadcast is, is told once a second.
_SOON_S, _TOLD_EVERY_S = 10.0, 1.0
# Each is looked at for so much longer, for what else might be named.
_LONGER_S = 5.0
# Four at a time make half an hour.
_HEALTHY_S = 7.5 * 60
_RATE = "bitrate={0}:vbv-maxrate={0}:vbv-bufsize={0}:nal-hrd=cbr"
_CBR = _RATE.format(500)
# Drift is looked for over five minutes.
_DRIFT_S = 310.0


@dataclass(frozen=True)
class Patient:
    """An encoder, by what differs from a healthy one; `after_s` is when it begins to be wrong, by its own clock."""

    picture: str = "null"
    sound: str = "anull"
    x264: str = _CBR
    gop: int = 60
    size: str = "320x240"
    fps: int = 30
    sample_rate: int = 48_000
    has_sound: bool = True
    pace: str = "1"
    # Of ffmpeg's output.
    sent: tuple[str, ...] = ()
    after_s: float = 0.0
    within_s: float = _SOON_S

    def argv(self, url: str) -> list[str]:
        picture = f"testsrc2=s={self.size}:r={self.fps},{self.picture}"
        sound = f"sine=f=330:r={self.sample_rate},volume=6dB,{self.sound}"
        pace = ["-readrate", self.pace]
        return [
            "ffmpeg", "-nostdin", "-loglevel", "error", *pace, "-f", "lavfi", "-i", picture,
            *([*pace, "-f", "lavfi", "-i", sound] if self.has_sound else []),
            "-c:v", "libx264", "-preset", "superfast", "-tune", "zerolatency", "-x264-params", self.x264,
            "-g", str(self.gop), "-sc_threshold", "0", "-pix_fmt", "yuv420p", "-c:a", "aac", "-ac", "2",
            # Sound does not wait for a picture, as that of other encoders does not.
            *self.sent, "-max_interleave_delta", "200000", "-f", "flv", url,
        ]  # fmt: skip


_FAULTS: dict[str, tuple[Patient, Kind]] = {
    "key frames 10 s apart": (Patient(gop=300), Kind.KEYFRAME_INTERVAL),
    "key frames 5 s apart": (Patient(gop=150), Kind.KEYFRAME_INTERVAL),
    "key frames 3 s apart, low latency": (Patient(gop=90), Kind.KEYFRAME_INTERVAL),
    "key frames anywhere": (
        Patient(sent=("-force_key_frames", "0.5,0.9,2.9,3.3,4.9,5.6,6.4,7.1,8.8,9.4,11,13.5,15.5")),
        Kind.KEYFRAMES_VARY,
    ),
    "B-frames": (Patient(x264=f"{_CBR}:bframes=2:b-adapt=0:rc-lookahead=10"), Kind.B_FRAMES),
    "one frame in twelve lost": (
        Patient(picture="select='not(eq(mod(n,12),7))'", sent=("-fps_mode", "passthrough")),
        Kind.FRAMES_MISSING,
    ),
    "too much for its size": (Patient(x264=_RATE.format(3000)), Kind.BITRATE_HIGH),
    "too little for its size": (Patient(x264=_RATE.format(90)), Kind.BITRATE_LOW),
    "a bitrate that swings": (
        Patient(picture="noise=alls=60:allf=t:enable='mod(floor(t/2),2)'", x264="crf=30"),
        Kind.BITRATE_SWINGS,
    ),
    "slower than time": (Patient(pace="0.85"), Kind.FALLS_BEHIND),
    "no sound": (Patient(has_sound=False), Kind.AUDIO_MISSING),
    "sound that stops": (Patient(sound="atrim=end=6", after_s=6), Kind.AUDIO_MISSING),
    "holes in the sound": (Patient(sent=("-bsf:a", "noise=drop='gt(n,0)*lt(mod(n,47),4)'")), Kind.AUDIO_GAPS),
    "silence": (Patient(sound="volume=0:enable='gt(t,4)'", after_s=4, within_s=12), Kind.AUDIO_SILENT),
    "clipping": (Patient(sound="aformat=channel_layouts=stereo,volume=40dB"), Kind.AUDIO_CLIPPING),
    "faint": (Patient(sound="volume=-25dB"), Kind.LOUDNESS),
    "black": (Patient(picture="drawbox=t=fill:c=black:enable='gt(t,6)'", after_s=6), Kind.BLACK),
    "frozen": (Patient(picture="loop=loop=1000:size=1:start=180,setpts=N/30/TB", after_s=6), Kind.FROZEN),
    "sound far behind": (Patient(sent=("-bsf:a", "setts=ts=TS+1.5/TB")), Kind.AV_SKEW),
    "times that go back": (
        Patient(sent=("-bsf:v", "setts=ts='TS-if(between(TS*TB,5,5.4),0.4/TB,0)'"), after_s=5),
        Kind.TIMESTAMPS_BACK,
    ),
    "a picture that stops": (Patient(picture="trim=end=6", after_s=6), Kind.NO_VIDEO),
}
_HEALTHY: dict[str, Patient] = {
    "30 fps": Patient(),
    "60 fps": Patient(fps=60, gop=60),
    "25 fps, 44.1 kHz": Patient(fps=25, gop=50, sample_rate=44_100),
    # With a rendition that is encoded.
    "360p": Patient(size="640x360", x264=_RATE.format(800)),
}


class _Course(Broadcast):
    """A broadcast that keeps at which second of its media each kind was named first."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.named: dict[Kind, float] = {}

    def diagnosed(self, diagnosis: Diagnosis) -> None:
        super().diagnosed(diagnosis)
        for finding in diagnosis.findings:
            self.named.setdefault(finding.kind, self.media_s)

    @property
    def media_s(self) -> float:
        return self.check_ins[-1][1] / 1000 if self.check_ins else 0.0


@pytest.fixture(scope="module")
def ingest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ingest]:
    with running_ingest(tmp_path_factory.mktemp("ingest")) as server:
        yield server


@contextmanager
def _broadcasting(ingest: Ingest, patient: Patient, *, name: str, folder: Path) -> Iterator[_Course]:
    with subprocess.Popen(patient.argv(ingest.server.pull_url(name)), stdin=subprocess.DEVNULL) as encoder:
        course = _Course(folder)
        try:
            wait_until(lambda: ingest.server.find_publisher(name), what="the publisher")
            # Where key frames are too far apart to be passed on, the run that follows encodes the picture.
            course.start(ingest.server, name, gop_s=patient.gop / patient.fps if patient.gop > 60 else 0.0)
            yield course
        finally:
            course.end()
            encoder.kill()


def _after(course: _Course, seconds: float) -> dict[Kind, float]:
    """Return what has been named by then, in seconds of media."""
    what = f"{seconds:.0f} s of media"
    wait_until(lambda: course.is_over or course.media_s >= seconds, timeout_s=4 * seconds + 60, what=what)
    assert not course.is_over, course.error
    return dict(course.named)


@pytest.mark.parametrize("fault", _FAULTS)
def test_faults_are_named_soon_and_by_nothing_else(ingest: Ingest, tmp_path: Path, fault: str) -> None:
    patient, kind = _FAULTS[fault]
    with _broadcasting(ingest, patient, name=f"fault-{list(_FAULTS).index(fault)}", folder=tmp_path) as course:
        latest_s = patient.after_s + patient.within_s + _TOLD_EVERY_S
        named = _after(course, latest_s + _LONGER_S)

    print(f"\n{fault}: {', '.join(f'{each} after {at_s - patient.after_s:.1f} s' for each, at_s in named.items())}")
    assert set(named) == {kind}
    assert named[kind] <= latest_s


def test_a_clock_that_runs_too_fast_is_named_after_five_minutes(ingest: Ingest, tmp_path: Path) -> None:
    with _broadcasting(ingest, Patient(pace="1.002"), name="drift", folder=tmp_path) as course:
        named = _after(course, _DRIFT_S)

    print(f"\nclock drift: {named}")
    assert set(named) == {Kind.CLOCK_DRIFT}


@pytest.mark.parametrize("name", _HEALTHY)
def test_nothing_is_said_of_healthy_ones(ingest: Ingest, tmp_path: Path, name: str) -> None:
    number = list(_HEALTHY).index(name)
    with _broadcasting(ingest, _HEALTHY[name], name=f"healthy-{number}", folder=tmp_path) as course:
        named = _after(course, _HEALTHY_S)

    print(f"\n{name}: {len(named)} findings in {_HEALTHY_S / 60:.1f} min")
    assert named == {}
