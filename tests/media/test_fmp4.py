import pytest

from streams.media.fmp4 import Fmp4Error, codec_strings
from tests.media.boxes import AVC_HIGH_3_1, audio_init, video_init


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

    @pytest.mark.parametrize(("config", "expected"), [("1190", "mp4a.40.2"), ("2b11", "mp4a.40.5")])
    def test_are_the_object_type_of_the_audio(self, config: str, expected: str) -> None:
        assert codec_strings(audio_init(bytes.fromhex(config))) == [expected]

    @pytest.mark.parametrize("data", [b"", b"\x00\x00\x00\x08free", b"\x00\x00\x00\x00moov"])
    def test_refuses_what_holds_no_track(self, data: bytes) -> None:
        with pytest.raises(Fmp4Error):
            codec_strings(data)
