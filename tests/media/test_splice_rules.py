"""What may be spliced into a running broadcast."""

import pytest

from streams.media.errors import MediaError, SourceChangedError, SourceRefusedError
from streams.media.flv import Tag, TagReader, TagType, file_header, render_tag
from streams.media.ladder import build_ladder
from streams.media.source import Source
from streams.media.splice_rules import SpliceRules
from tests.media.clips import flv
from tests.media.crafted import configuration, parameter_set

_SOURCE = {
    "video_codec": "h264",
    "profile": "High",
    "pixel_format": "yuv420p",
    "width": 1280,
    "height": 720,
    "fps": 30.0,
    "video_kbps": 2500,
    "gop_s": 2.0,
    "audio_codec": "aac",
    "audio_profile": "LC",
    "audio_channels": 2,
    "sample_rate": 48_000,
}


def _rules(**other: object) -> SpliceRules:
    return SpliceRules(build_ladder(Source(**(_SOURCE | other))), max_height=2160)  # type: ignore[arg-type]


def _tag(kind: TagType, body: bytes) -> Tag:
    (tag,) = TagReader().feed(file_header(has_sound=True) + render_tag(kind, 0, body))
    return tag


def _picture(width: int, height: int, *, profile: int = 100, lengths: int = 0xFF) -> Tag:
    record = bytearray(configuration(parameter_set(width, height, profile=profile)))
    record[4] = lengths
    return _tag(TagType.VIDEO, b"\x17\0\0\0\0" + bytes(record) + b"\x01\0\x01\x68")


def _sound(config: str) -> Tag:
    return _tag(TagType.AUDIO, b"\xaf\0" + bytes.fromhex(config))


_FRAME, _OTHER_FRAME = _tag(TagType.AUDIO, b"\xaf\x01\x21"), _tag(TagType.AUDIO, b"\x2f\x01\x21")


class TestSpliceRules:
    @pytest.mark.parametrize("size", [(1280, 720), (1920, 1088), (512, 288), (3840, 2160)])
    def test_accept_any_size_of_the_same_shape(self, size: tuple[int, int]) -> None:
        _rules().check(_picture(*size))

    @pytest.mark.parametrize(
        ("tag", "error"),
        [
            pytest.param(_picture(720, 1280), SourceChangedError, id="upright"),
            pytest.param(_picture(960, 720), SourceChangedError, id="of another shape"),
            pytest.param(_picture(48, 32), SourceChangedError, id="tiny"),
            pytest.param(_picture(1280, 720, profile=110), SourceChangedError, id="of ten bits"),
            pytest.param(_picture(1280, 720, lengths=0xFD), SourceChangedError, id="with short lengths"),
            pytest.param(_picture(16_384, 9_216), SourceRefusedError, id="huge"),
            pytest.param(_tag(TagType.VIDEO, b"\x12\0\0"), SourceRefusedError, id="of another codec"),
            pytest.param(_tag(TagType.VIDEO, b"\x17\0\0\0\0\x01"), SourceChangedError, id="unreadable"),
        ],
    )
    def test_leave_other_pictures_to_another_run_or_to_none(self, tag: Tag, error: type[MediaError]) -> None:
        with pytest.raises(error):
            _rules().check(tag)

    def test_accept_any_profile_where_the_picture_is_encoded(self) -> None:
        _rules(gop_s=10.0).check(_picture(1280, 720, profile=110))

    @pytest.mark.parametrize("config", ["1190", "1210", "1208", "119056e500"])
    def test_accept_sound_that_browsers_decode(self, config: str) -> None:
        _rules().check(_sound(config))
        _rules().check(_FRAME)

    @pytest.mark.parametrize("tag", [_sound("11b0"), _sound("1310"), _sound("2b9208"), _sound("17"), _OTHER_FRAME])
    def test_leave_other_sound_to_another_run(self, tag: Tag) -> None:
        with pytest.raises(SourceChangedError, match="changed its sound"):
            _rules().check(tag)

    @pytest.mark.parametrize("config", ["11b0", "1310", "2b9208"])
    def test_accept_any_aac_where_the_sound_is_encoded(self, config: str) -> None:
        _rules(gop_s=10.0).check(_sound(config))

    def test_leave_sound_to_another_run_where_there_is_none(self) -> None:
        silent = _rules(audio_codec="", audio_profile="", audio_channels=0, sample_rate=0)
        silent.check(_sound("1190"))

        with pytest.raises(SourceChangedError, match="begun to send sound"):
            silent.check(_FRAME)

    def test_do_not_judge_what_is_neither(self) -> None:
        _rules().check(_tag(TagType.SCRIPT, b"\x02\0\0"))

    def test_accept_pictures_of_encoders(self) -> None:
        for tag in TagReader().feed(flv(size="640x360", seconds=1)):
            _rules().check(tag)
