import json
import subprocess

import pytest

from streams.media.avc import find_picture_size
from streams.media.flv import TagReader, TagType
from streams.media.fmp4 import Fmp4Error, codec_strings, with_aac_config, with_avc_record
from tests.media.boxes import AVC_HIGH_3_1, audio_init, video_init
from tests.media.clips import flv


class TestCodecStrings:
    @pytest.mark.parametrize(
        ("parameter_set", "expected"),
        [
            (AVC_HIGH_3_1, "avc1.64001f"),
            # Constrained Baseline 3.0: the constraint flags are the second byte.
            (bytes.fromhex("6742c01eda0280"), "avc1.42c01e"),
            (bytes.fromhex("674d4028da0278"), "avc1.4d4028"),
        ],
    )
    def test_are_profile_constraints_and_level_of_the_video(self, parameter_set: bytes, expected: str) -> None:
        assert codec_strings(video_init(parameter_set)) == [expected]

    @pytest.mark.parametrize(
        ("config", "expected"), [("1190", "mp4a.40.2"), ("119056", "mp4a.40.2"), ("2b11", "mp4a.40.5")]
    )
    def test_are_the_object_type_of_the_audio(self, config: str, expected: str) -> None:
        assert codec_strings(audio_init(bytes.fromhex(config))) == [expected]

    def test_reads_a_description_of_any_length(self) -> None:
        # The ES descriptor's length in one byte instead of four, as other muxers write it.
        long_form, short_form = bytes([0x80, 0x80, 0x80]), b""
        init = audio_init().replace(long_form, short_form)
        for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"mp4a", b"esds"):
            init = _shorten(init, kind, by=4 * len(long_form))

        assert codec_strings(init) == ["mp4a.40.2"]

    def test_skips_boxes_it_does_not_know(self) -> None:
        assert codec_strings(b"\x00\x00\x00\x08free" + video_init() + b"\x00\x00\x00\x08free") == ["avc1.64001f"]

    @pytest.mark.parametrize(
        ("good", "broken"),
        [
            (b"avc1", b"hvc1"),
            (b"avcC", b"btrt"),
            # Encrypted audio has the same description.
            (b"mp4a", b"enca"),
            # A decoder configuration with another tag, and none at all.
            (bytes([0x04, 0x80, 0x80, 0x80]), bytes([0x0E, 0x80, 0x80, 0x80])),
            (bytes([0x05, 0x80, 0x80, 0x80]), bytes([0x0E, 0x80, 0x80, 0x80])),
        ],
    )
    def test_refuses_what_it_cannot_name(self, good: bytes, broken: bytes) -> None:
        tracks = video_init() + audio_init()
        assert tracks.count(good) == 1

        with pytest.raises(Fmp4Error):
            codec_strings(tracks.replace(good, broken))

    def test_refuses_a_description_without_a_configuration(self) -> None:
        init = audio_init()
        cut = init.index(bytes([0x04, 0x80, 0x80, 0x80]))

        with pytest.raises(Fmp4Error):
            codec_strings(_with_sizes_up_to(init, cut))

    @pytest.mark.parametrize("data", [b"", b"\x00\x00\x00\x08free", b"\x00\x00\x00\x00moov"])
    def test_refuses_what_holds_no_track(self, data: bytes) -> None:
        with pytest.raises(Fmp4Error):
            codec_strings(data)


def _remuxed(clip: bytes, *, stream: str) -> bytes:
    """Return a track of a clip as ffmpeg makes it for us."""
    argv = ["ffmpeg", "-v", "error", "-f", "flv", "-i", "pipe:0", "-map", f"0:{stream}", "-c", "copy"]
    argv += ["-f", "mp4", "-movflags", "+frag_keyframe+empty_moov+default_base_moof", "pipe:1"]
    return subprocess.run(argv, input=clip, capture_output=True, check=True, timeout=60).stdout


def _init_of(track: bytes) -> tuple[bytes, bytes]:
    """Return the initialization section, and what follows."""
    at = track.index(b"moof") - 4
    return track[:at], track[at:]


def _probed(media: bytes) -> dict[str, object]:
    argv = ["ffprobe", "-v", "error", "-show_streams", "-count_frames", "-of", "json", "-f", "mp4", "pipe:0"]
    run = subprocess.run(argv, input=media, capture_output=True, check=True, timeout=60)
    assert run.stderr == b""
    found: dict[str, object] = json.loads(run.stdout)["streams"][0]
    return found


class TestWithAvcRecord:
    def test_decodes_what_another_encoder_made(self) -> None:
        one, other = flv(size="320x180", seconds=1), flv(size="640x360", profile="main", seconds=1)
        init, _ = _init_of(_remuxed(one, stream="v"))
        _, media = _init_of(_remuxed(other, stream="v"))
        record = next(tag.record for tag in TagReader().feed(other) if tag.type == TagType.VIDEO and tag.announced)

        changed = with_avc_record(init, record, width=640, height=360)

        found = _probed(changed + media)
        assert (found["width"], found["height"], found["profile"], found["nb_read_frames"]) == (640, 360, "Main", "30")
        assert codec_strings(changed) == ["avc1.4d401f"]
        assert find_picture_size(record) is not None

    def test_changes_nothing_else(self) -> None:
        clip = flv(size="320x180", seconds=1)
        init, _ = _init_of(_remuxed(clip, stream="v"))
        record = next(tag.record for tag in TagReader().feed(clip) if tag.type == TagType.VIDEO and tag.announced)

        assert with_avc_record(init, record, width=320, height=180) == init

    def test_needs_a_picture(self) -> None:
        with pytest.raises(Fmp4Error):
            with_avc_record(audio_init(), b"", width=1, height=1)


class TestWithAacConfig:
    def test_decodes_other_sound(self) -> None:
        init, media = _init_of(_remuxed(flv(size="320x180", seconds=1), stream="a"))

        changed = with_aac_config(init, bytes.fromhex("1210"), channels=2, rate=44_100)

        assert _probed(changed + media)["sample_rate"] == "44100"
        assert codec_strings(changed) == ["mp4a.40.2"]
        # What is there once is replaced however long it is.
        longer = with_aac_config(changed, bytes.fromhex("119056e500"), channels=2, rate=48_000)
        assert _probed(longer + media)["sample_rate"] == "48000"

    @pytest.mark.parametrize(("rate", "config", "told"), [(48_000, "1190", 48_000), (96_000, "1010", 0)])
    def test_tells_no_other_rate_where_there_is_no_room_for_it(self, rate: int, config: str, told: int) -> None:
        """The field has 16 bits. Source: ISO/IEC 14496-12 12.2.3."""
        init, _ = _init_of(_remuxed(flv(size="320x180", seconds=1), stream="a"))

        changed = with_aac_config(init, bytes.fromhex(config), channels=2, rate=rate)

        at = changed.index(b"mp4a") + 4 + 24
        assert int.from_bytes(changed[at : at + 4]) == told << 16

    def test_needs_sound(self) -> None:
        with pytest.raises(Fmp4Error):
            with_aac_config(video_init(), b"\x11\x90", channels=2, rate=48_000)


def _shorten(init: bytes, kind: bytes, *, by: int) -> bytes:
    at = init.index(kind) - 4
    return init[:at] + (int.from_bytes(init[at : at + 4]) - by).to_bytes(4) + init[at + 4 :]


def _with_sizes_up_to(init: bytes, end: int) -> bytes:
    """Cut an initialization section off, with every box that is cut ending there."""
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"mp4a", b"esds"):
        init = _shorten(init, kind, by=len(init) - end)
    return init[:end]
