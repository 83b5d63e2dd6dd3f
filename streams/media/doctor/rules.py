"""The rules: from where on something is a finding, who says so, and what mends it."""

from collections.abc import Mapping

from streams.media.doctor.kinds import FindingKind
from streams.media.doctor.rule import Grades, Rule

_YOUTUBE = "YouTube, live encoder settings"
_TWITCH = "Twitch, broadcasting guidelines"
_CLOUDFLARE = "Cloudflare Stream, live requirements"
_MUX = "Mux, live stream health"
_MEDIALIVE = "AWS MediaLive, input loss and pipeline alerts"
_OURS = "LiveHub"


def _hides(*kinds: FindingKind) -> frozenset[FindingKind]:
    return frozenset(kinds)


_NETWORK_OBS = (
    "Use a cable instead of Wi-Fi, lower Settings > Output > Bitrate to half of what your line's upload carries, and "
    "switch on Settings > Advanced > Network > Dynamically change bitrate to manage congestion."
)
_NETWORK_FFMPEG = "Lower -b:v, -maxrate and -bufsize to half of what your line's upload carries."
# Whoever has set one of the usual bitrates is measured a little beside it.
_BEYOND = 1.05
_RATE_OBS = "Set Settings > Output > Rate Control to CBR, and Bitrate to {range}."
_RATE_FFMPEG = "Add -b:v, -maxrate and -bufsize within {range}."
_SOUND_OBS = "Look at the audio mixer: no source may be muted, and its device must be chosen in Settings > Audio."

RULES: Mapping[FindingKind, Rule] = {
    FindingKind.KEYFRAME_INTERVAL: Rule(
        Grades(warning=4.001, error=10.001),
        "s",
        f"{_YOUTUBE}: four seconds or less; {_TWITCH}: 2 s; {_CLOUDFLARE}: 2 to 8 s, 10 s at most",
        "Key frames come only every {value}, so viewers wait longer for the picture.",
        "Set Settings > Output > Keyframe Interval to 2 s, with Output Mode Advanced; 0 (auto) is 250 frames.",
        "Add -g with twice the frame rate, and -sc_threshold 0: at 30 frames a second -g 60.",
        low_grades=Grades(info=2.1, warning=4.001, error=10.001),
        hold=2,
        hides=_hides(FindingKind.KEYFRAMES_VARY),
    ),
    FindingKind.KEYFRAMES_VARY: Rule(
        Grades(info=0.5),
        "s",
        f"{_OURS}; {_CLOUDFLARE}: a constant interval",
        "Key frames come at distances that differ by {value}, so segments differ in length.",
        "Set Settings > Output > Keyframe Interval to 2 s, with Output Mode Advanced, and for x264 add scenecut=0 to "
        "x264 Options.",
        "Add -g and -keyint_min with twice the frame rate, and -sc_threshold 0.",
    ),
    FindingKind.B_FRAMES: Rule(
        Grades(),
        "ms",
        f"{_CLOUDFLARE}: not supported with low latency",
        "The encoder sends B-frames, which keep pictures back for {value} and make playback uneven.",
        "Set the encoder's B-frames in Settings > Output to 0, with Output Mode Advanced, or for x264 Tune to "
        "zerolatency.",
        "Add -bf 0 or -tune zerolatency.",
        low_grades=Grades(warning=10),
        hold=2,
        digits=0,
    ),
    FindingKind.FRAMES_MISSING: Rule(
        Grades(info=0.5, warning=1, error=5),
        "%",
        f"{_OURS}, of 10 s",
        "{value} of the frames of the last 10 seconds are missing.",
        "If View > Stats counts skipped frames due to encoding lag, choose a faster preset or a hardware encoder; if "
        "it counts dropped frames (network), lower Settings > Output > Bitrate.",
        "Choose a faster -preset or a smaller -s, make the rate constant by -r 30 -fps_mode cfr, and lower -b:v if the "
        "line is the reason.",
        # Of what is lost, a key frame is one now and then.
        hides=_hides(
            FindingKind.KEYFRAME_INTERVAL,
            FindingKind.KEYFRAMES_VARY,
            FindingKind.BITRATE_SWINGS,
            FindingKind.BITRATE_LOW,
        ),
    ),
    FindingKind.BITRATE_SWINGS: Rule(
        Grades(info=40, warning=80),
        "%",
        f"{_MUX} and {_TWITCH}: constant bitrate",
        "The bitrate swings by {value} of its mean, which viewers with slow lines cannot follow.",
        "Set Settings > Output > Rate Control to CBR.",
        "Add -maxrate with the value of -b:v and -bufsize with twice that, instead of -crf or -qp.",
        hides=_hides(FindingKind.BITRATE_HIGH, FindingKind.BITRATE_LOW),
        digits=0,
    ),
    FindingKind.BITRATE_HIGH: Rule(
        Grades(info=_BEYOND, warning=1.5, error=3),
        "kbit/s",
        f"{_YOUTUBE}: bitrates by size",
        "The bitrate is {value}, more than this size needs ({range}).",
        _RATE_OBS,
        _RATE_FFMPEG,
        hold=2,
        digits=0,
    ),
    FindingKind.BITRATE_LOW: Rule(
        Grades(info=_BEYOND, warning=3),
        "kbit/s",
        f"{_YOUTUBE}: bitrates by size",
        "The bitrate is {value}, less than this size needs ({range}), so the picture blurs when it moves.",
        f"{_RATE_OBS} Or choose a smaller Settings > Video > Output (Scaled) Resolution.",
        f"{_RATE_FFMPEG} Or choose a smaller -s.",
        hold=2,
        digits=0,
    ),
    FindingKind.FALLS_BEHIND: Rule(
        Grades(info=2, warning=5, error=10),
        "%",
        f"{_CLOUDFLARE}: upload to duration; graded here by how much is lacking",
        "The stream falls behind: {value} less media comes than time goes by.",
        "Choose a faster preset if View > Stats counts skipped frames due to encoding lag, else lower Settings > "
        "Output > Bitrate: the line does not carry it.",
        "Look at speed= in its output: below 1, choose a faster -preset or a smaller -s; else lower -b:v.",
        hides=_hides(FindingKind.CLOCK_DRIFT, FindingKind.NETWORK_JITTER),
    ),
    FindingKind.NETWORK_JITTER: Rule(
        Grades(info=0.5, warning=1, error=2),
        "s",
        f"{_MUX}: excellent below 0.5 s, good below 1 s",
        "Media comes in bursts, up to {value} late.",
        _NETWORK_OBS,
        _NETWORK_FFMPEG,
        hides=_hides(FindingKind.CLOCK_DRIFT),
        digits=2,
    ),
    FindingKind.CLOCK_DRIFT: Rule(
        Grades(info=200, warning=1000, error=5000),
        "ppm",
        f"{_OURS}, over 5 minutes",
        "The encoder's clock is off by {value}: picture and sound move apart from real time.",
        "OBS goes by the computer's clock: switch off overclocking, do not run OBS in a virtual machine, and restart "
        "the computer.",
        "Read live sources with -use_wallclock_as_timestamps 1, and files with -re.",
        digits=0,
    ),
    FindingKind.AUDIO_MISSING: Rule(
        Grades(info=1, error=2),
        "s",
        f"{_YOUTUBE}: noAudioStream",
        "No sound has come for {value}.",
        _SOUND_OBS,
        "Map a source of sound (-map 0:a) and encode it by -c:a aac; for none at all add -f lavfi -i anullsrc.",
        hides=_hides(
            FindingKind.AUDIO_GAPS,
            FindingKind.AUDIO_SILENT,
            FindingKind.AUDIO_CLIPPING,
            FindingKind.LOUDNESS,
            FindingKind.AV_SKEW,
        ),
        digits=0,
    ),
    FindingKind.AUDIO_GAPS: Rule(
        Grades(info=4, warning=10, error=50),
        "frames",
        f"{_OURS}: more than 3 frames of 10 s",
        "The sound has holes: {value} are missing in the last 10 seconds.",
        "Choose 48 kHz in Settings > Audio > Sample Rate, and in the system for every device.",
        "Add -af aresample=async=1 and -ar 48000.",
        digits=0,
    ),
    FindingKind.AUDIO_SILENT: Rule(
        # Who speaks is silent for five seconds now and then.
        Grades(info=7, warning=60),
        "s",
        f"{_MEDIALIVE}: silence below -50 dBFS",
        "The sound has been silent for {value}.",
        _SOUND_OBS,
        "Look at the source with ffmpeg -i SOURCE -af volumedetect -f null -.",
        hides=_hides(FindingKind.LOUDNESS),
        digits=0,
    ),
    FindingKind.AUDIO_CLIPPING: Rule(
        Grades(info=-0.1, warning=0.5),
        "dBFS",
        f"{_OURS}: peaks of -0.1 dBFS and more",
        "The sound is too loud and distorted: its peaks reach {value}.",
        "Turn the sources down in the audio mixer until their peaks stay yellow, and add a Limiter filter at -6 dB.",
        "Add -af alimiter=limit=0.7:level=0.",
        hold=2,
        hides=_hides(FindingKind.LOUDNESS),
    ),
    FindingKind.LOUDNESS: Rule(
        Grades(info=1, warning=12),
        "LUFS",
        f"EBU R 128 practice, {_OURS}: outside of -30 to -9 LUFS",
        "The sound's loudness is {value}; viewers expect about -16.",
        "Bring the sources to -20 to -10 dB in the audio mixer; a Compressor filter evens them.",
        "Add -af loudnorm=I=-16:TP=-1.5.",
        hold=3,
    ),
    FindingKind.BLACK: Rule(
        Grades(warning=2, error=10),
        "s",
        f"{_MEDIALIVE}: black video",
        "The picture has been black for {value}.",
        "Look at the scene: a hidden or failed source, or a capture of a protected window, is black.",
        "Look at the source with ffplay SOURCE.",
        hides=_hides(FindingKind.FROZEN, FindingKind.BITRATE_LOW, FindingKind.BITRATE_SWINGS),
        digits=0,
    ),
    FindingKind.FROZEN: Rule(
        # Slides stand still on purpose.
        Grades(info=2, warning=30),
        "s",
        f"{_MEDIALIVE}: frozen video; {_OURS}: slides are no fault",
        "The picture has stood still for {value}.",
        "Look at the scene. If the picture should move, choose Deactivate and Activate in the capture device's "
        "Properties.",
        "Look at the source with ffplay SOURCE, and restart it if the picture should move.",
        hides=_hides(FindingKind.BITRATE_LOW, FindingKind.BITRATE_SWINGS),
        digits=0,
    ),
    FindingKind.AV_SKEW: Rule(
        Grades(info=500, warning=1000, error=2000),
        "ms",
        f"{_OURS}; what the timestamps say: lips are not looked at",
        "Picture and sound are sent {value} apart.",
        "Set Sync Offset in Edit > Advanced Audio Properties to less than 500 ms, and remove Render Delay filters.",
        "Remove -itsoffset, and read both from one source; add -af aresample=async=1.",
        hold=2,
        digits=0,
    ),
    FindingKind.PARAMETERS_CHANGED: Rule(
        Grades(warning=1),
        "times",
        f"{_YOUTUBE}: changed settings; any",
        "The encoder changed size, profile or sound while live ({value}), which interrupts viewers.",
        "Stop the stream before changing Settings > Video or > Output.",
        "Start one ffmpeg with fixed -s, -profile:v, -ar and -ac for all inputs.",
        clears=15,
        hides=_hides(
            FindingKind.FRAMES_MISSING, FindingKind.BITRATE_SWINGS, FindingKind.KEYFRAMES_VARY, FindingKind.AUDIO_GAPS
        ),
        digits=0,
    ),
    FindingKind.TIMESTAMPS_BACK: Rule(
        Grades(warning=1, error=5),
        "times",
        f"{_YOUTUBE}: timestamps; any",
        "The stream's clock went back ({value}), so viewers see jumps.",
        "Restart the stream; remove media sources that loop with a broken file.",
        "Add -fflags +genpts in front of -i, and -fps_mode cfr; use -stream_loop only with files that are whole.",
        clears=5,
        hides=_hides(
            FindingKind.FRAMES_MISSING,
            FindingKind.KEYFRAMES_VARY,
            FindingKind.NETWORK_JITTER,
            FindingKind.FALLS_BEHIND,
            FindingKind.CLOCK_DRIFT,
            FindingKind.AV_SKEW,
            FindingKind.AUDIO_GAPS,
            FindingKind.BITRATE_SWINGS,
        ),
        digits=0,
    ),
    FindingKind.BROKEN_MEDIA: Rule(
        Grades(warning=1, error=5),
        "times",
        f"{_OURS}: any",
        "Something came that is neither picture nor sound ({value} in the last 10 seconds).",
        "Update OBS, and switch off plugins that write into the stream.",
        "Send with -f flv, and -c:v libx264 -c:a aac instead of copying from a damaged file.",
        clears=5,
        hides=_hides(FindingKind.FRAMES_MISSING, FindingKind.AUDIO_GAPS),
        digits=0,
    ),
    FindingKind.NO_VIDEO: Rule(
        Grades(error=2),
        "s",
        f"{_YOUTUBE}: videoIngestionStarved",
        "No picture has come for {value}, only sound.",
        "Look whether the scene has a video source, and restart the stream.",
        "Map a source of pictures: -map 0:v -c:v libx264.",
        hides=_hides(
            FindingKind.KEYFRAME_INTERVAL,
            FindingKind.KEYFRAMES_VARY,
            FindingKind.FRAMES_MISSING,
            FindingKind.BITRATE_SWINGS,
            FindingKind.BITRATE_HIGH,
            FindingKind.BITRATE_LOW,
            FindingKind.BLACK,
            FindingKind.FROZEN,
            FindingKind.AV_SKEW,
            FindingKind.B_FRAMES,
        ),
        digits=0,
    ),
}
