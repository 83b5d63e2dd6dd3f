"""What is sent while an encoder is away, as decoders take it."""

import subprocess
from typing import Any

import pytest

from streams.media.aac import aac_config, parse_aac_config
from streams.media.avc import find_parameter_sets
from streams.media.feeds import FeedError, read_slate, silence_like
from streams.media.flv import TagReader, TagType, file_header, render_tag
from tests.media.clips import flv

_LC_48_STEREO, _LC_44_MONO = bytes.fromhex("1190"), bytes.fromhex("1208")
# As OBS sends it: the same, and that there is no SBR.
_LC_48_STEREO_AT_LENGTH = bytes.fromhex("119056e500")
_SURROUND, _HE = bytes.fromhex("11b0"), bytes.fromhex("2b9208")


def _clip(*, gop: int = 600, x264: str = "", has_audio: bool = False) -> bytes:
    return flv(size="320x180", gop=gop, seconds=1, has_audio=has_audio, x264=x264)


class TestReadSlate:
    def test_finds_each_frame_and_what_the_first_is_decoded_with(self) -> None:
        slate = read_slate(_clip(), fps=30)

        assert len(slate.bodies) == 30
        assert slate.frame_ms == pytest.approx(33.333, abs=0.001)
        sets = find_parameter_sets(slate.record)
        assert [all(unit in body for unit in sets) for body in slate.bodies] == [True, *[False] * 29]

    @pytest.mark.parametrize(
        "how",
        [
            pytest.param({"gop": 15}, id="two key frames"),
            pytest.param({"x264": "bframes=2:open-gop=0"}, id="frames that are shown later"),
        ],
    )
    def test_refuses_what_cannot_be_cut_anywhere(self, how: dict[str, Any]) -> None:
        with pytest.raises(FeedError):
            read_slate(_clip(**how), fps=30)

    def test_refuses_nothing(self) -> None:
        with pytest.raises(FeedError):
            read_slate(file_header(has_sound=False), fps=30)

    def test_refuses_another_codec(self) -> None:
        picture = render_tag(TagType.VIDEO, 0, b"\x12\x00\x01")

        with pytest.raises(FeedError, match=r"H\.264"):
            read_slate(file_header(has_sound=False) + picture, fps=30)


class TestSilence:
    @pytest.mark.parametrize("config", [_LC_48_STEREO, _LC_44_MONO, _LC_48_STEREO_AT_LENGTH])
    def test_needs_no_other_configuration(self, config: bytes) -> None:
        assert silence_like(config).config == config

    @pytest.mark.parametrize("config", [_SURROUND, b"", b"\xff\xff"])
    def test_is_stereo_where_the_sound_is_neither_that_nor_mono(self, config: bytes) -> None:
        assert silence_like(config).config == _LC_48_STEREO

    @pytest.mark.parametrize(("config", "ms"), [(_LC_48_STEREO, 21.333), (_LC_44_MONO, 23.220)])
    def test_lasts_as_long_as_any_frame(self, config: bytes, ms: float) -> None:
        assert silence_like(config).frame_ms == pytest.approx(ms, abs=0.001)

    @pytest.mark.parametrize("config", [_LC_48_STEREO, _LC_44_MONO, _LC_48_STEREO_AT_LENGTH, _HE])
    def test_is_heard_by_nobody(self, config: bytes) -> None:
        silence = silence_like(config)
        clip = file_header(has_sound=True) + render_tag(TagType.AUDIO, 0, silence.announcement)
        clip += b"".join(render_tag(TagType.AUDIO, round(n * silence.frame_ms), silence.frame) for n in range(50))

        decode = ["ffmpeg", "-v", "error", "-f", "flv", "-i", "pipe:0", "-f", "s16le", "pipe:1"]
        run = subprocess.run(decode, input=clip, capture_output=True, check=True, timeout=60)

        assert run.stderr == b""
        assert len(run.stdout) >= 49 * 1024 * 2
        assert set(run.stdout) == {0}


class TestAacConfig:
    @pytest.mark.parametrize(
        ("config", "expected"),
        [
            (_LC_48_STEREO, (2, 48_000, 2)),
            (_LC_44_MONO, (2, 44_100, 1)),
            (_SURROUND, (2, 48_000, 6)),
            (_HE, (5, 22_050, 2)),
        ],
    )
    def test_says_type_rate_and_channels(self, config: bytes, expected: tuple[int, int, int]) -> None:
        found = parse_aac_config(config)

        assert found is not None
        assert (found.object_type, found.rate, found.channels) == expected
        assert found.is_low_complexity is (expected[0] == 2)

    @pytest.mark.parametrize("config", [b"", b"\x11", b"\x17\x80"])
    def test_may_be_unreadable(self, config: bytes) -> None:
        assert parse_aac_config(config) is None

    @pytest.mark.parametrize(("rate", "channels", "config"), [(48_000, 2, "1190"), (44_100, 1, "1208"), (1, 2, "1190")])
    def test_is_made_of_rate_and_channels(self, rate: int, channels: int, config: str) -> None:
        assert aac_config(rate=rate, channels=channels).hex() == config

    def test_is_what_an_encoder_announces(self) -> None:
        tags = TagReader().feed(_clip(has_audio=True))

        assert next(tag.announced for tag in tags if tag.is_aac and tag.announced)[:2] == _LC_48_STEREO
