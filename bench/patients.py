"""Encoders for the doctor, made with ffmpeg: twenty with a fault each, and healthy ones of many kinds."""

from dataclasses import dataclass

from bench.lines import Line
from bench.shifted import Shift
from streams.media.doctor.kinds import FindingKind as Kind
from streams.media.flv import TagType
from streams.media.targets import Latency

_RATE = "bitrate={0}:vbv-maxrate={0}:vbv-bufsize={0}:nal-hrd=cbr"
_CBR = _RATE.format(500)
# From the tenth second of every twenty on, until that one.
_NOW_AND_THEN = "between(mod(t,20),10,{})"
_AT_NIGHT = "lutyuv=y='16+(val-16)*0.1':u='128+(val-128)*0.1':v='128+(val-128)*0.1':enable='{}'"


@dataclass(frozen=True)
class Patient:
    """An encoder, by what differs from a healthy one; `after_s` is when it begins to be wrong, by its own clock."""

    picture: str = "null"
    sound: str = "anull"
    x264: str = _CBR
    tune: tuple[str, ...] = ("-tune", "zerolatency")
    gop: int = 60
    size: str = "320x240"
    fps: int = 30
    sample_rate: int = 48_000
    channels: int = 2
    has_sound: bool = True
    pace: str = "1"
    line: Line | None = None
    mode: Latency = Latency.LOW
    # Of ffmpeg's output.
    sent: tuple[str, ...] = ()
    shift: Shift | None = None
    after_s: float = 0.0

    @property
    def far_gop_s(self) -> float:
        """Where key frames are too far apart to be passed on, the run that follows encodes the picture."""
        gop_s = self.gop / self.fps
        return gop_s if gop_s > self.mode.segment_s else 0.0

    def argv(self, url: str) -> list[str]:
        """Return the command that sends to a server."""
        picture = f"testsrc2=s={self.size}:r={self.fps},{self.picture}"
        sound = f"sine=f=330:r={self.sample_rate},volume=6dB,{self.sound}"
        pace = ["-readrate", self.pace]
        return [
            "ffmpeg", "-nostdin", "-loglevel", "error", *pace, "-f", "lavfi", "-i", picture,
            *([*pace, "-f", "lavfi", "-i", sound] if self.has_sound else []),
            "-c:v", "libx264", "-preset", "superfast", *self.tune, "-x264-params", self.x264, "-threads", "1",
            "-g", str(self.gop), "-sc_threshold", "0", "-pix_fmt", "yuv420p", "-c:a", "aac", "-ac", str(self.channels),
            # Sound does not wait for a picture, as that of other encoders does not.
            *self.sent, "-max_interleave_delta", "200000", "-f", "flv", url,
        ]  # fmt: skip


FAULTS: dict[str, tuple[Patient, Kind]] = {
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
    "a line that lets through in bursts": (Patient(line=Line(held_s=1.4)), Kind.NETWORK_JITTER),
    "no sound": (Patient(has_sound=False), Kind.AUDIO_MISSING),
    "sound that stops": (Patient(sound="atrim=end=6", after_s=6), Kind.AUDIO_MISSING),
    "holes in the sound": (Patient(sent=("-bsf:a", "noise=drop='gt(n,0)*lt(mod(n,47),4)'")), Kind.AUDIO_GAPS),
    "silence": (Patient(sound="volume=0:enable='gt(t,4)'", after_s=4), Kind.AUDIO_SILENT),
    "clipping": (Patient(sound="aformat=channel_layouts=stereo,volume=40dB:precision=fixed"), Kind.AUDIO_CLIPPING),
    "faint": (Patient(sound="volume=-25dB"), Kind.LOUDNESS),
    "black": (Patient(picture="drawbox=t=fill:c=black:enable='gt(t,6)'", after_s=6), Kind.BLACK),
    "frozen": (Patient(picture="loop=loop=1000:size=1:start=180,setpts=N/30/TB", after_s=6), Kind.FROZEN),
    "sound far behind": (Patient(shift=Shift(TagType.VIDEO, by_ms=1_500)), Kind.AV_SKEW),
    "times that go back": (
        Patient(shift=Shift(TagType.VIDEO, by_ms=-400, from_ms=5_000, until_ms=5_400), after_s=5),
        Kind.TIMESTAMPS_BACK,
    ),
    "a picture that stops": (Patient(picture="trim=end=6", after_s=6), Kind.NO_VIDEO),
}
DRIFTING = Patient(pace="1.002")
HEALTHY: dict[str, Patient] = {
    "30 fps": Patient(),
    "60 fps": Patient(fps=60, gop=120),
    "25 fps": Patient(fps=25, gop=50),
    "B-frames and 3 s between key frames, standard latency": Patient(
        x264=f"{_CBR}:bframes=2:b-adapt=0:rc-lookahead=10", tune=(), gop=90, mode=Latency.STANDARD
    ),
    "a screen, sent where it changes": Patient(
        # For some seconds much moves, for some little.
        picture="select='lt(mod(t,16),6)+not(mod(n,12))+lt(random(1),0.06)'",
        sent=("-fps_mode", "passthrough", "-force_key_frames", "expr:gte(t,n_forced*2)"),
    ),
    "44.1 kHz, mono": Patient(sample_rate=44_100, channels=1),
    "speech that pauses for 5 s": Patient(sound=f"volume=-60dB:enable='{_NOW_AND_THEN.format(15)}'"),
    "dark for 3 s": Patient(picture=_AT_NIGHT.format(_NOW_AND_THEN.format(13))),
    "a steady line of 1 Mbit/s": Patient(x264=_RATE.format(700), line=Line(kbps=1_000)),
    # With a rendition that is encoded.
    "360p": Patient(size="640x360", x264=_RATE.format(800)),
}
