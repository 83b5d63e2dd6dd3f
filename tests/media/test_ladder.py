import dataclasses

import pytest

from streams.media.ladder import Kind, build_ladder
from tests.media.test_source import GOOD


def _shape(**change: object) -> list[tuple[str, str]]:
    ladder = build_ladder(dataclasses.replace(GOOD, **change))  # type: ignore[arg-type]  # Test tables.
    return [(rendition.name, rendition.kind.value) for rendition in ladder.renditions]


class TestBuildLadder:
    def test_passes_a_fit_source_through_and_makes_the_rungs_below(self) -> None:
        assert _shape() == [("720p", "copy"), ("480p", "transcode"), ("360p", "transcode"), ("audio", "audio")]

    @pytest.mark.parametrize(
        "change", [{"gop_s": 8.0}, {"gop_s": 0.0}, {"profile": "High 10"}, {"pixel_format": "yuv422p"}]
    )
    def test_transcodes_the_top_rung_of_an_unfit_source(self, change: dict[str, object]) -> None:
        assert _shape(**change)[0] == ("720p", "transcode")

    def test_never_scales_up(self) -> None:
        for height in (64, 240, 360, 362, 500, 720, 1080, 2160):
            ladder = build_ladder(dataclasses.replace(GOOD, width=height * 16 // 9, height=height, gop_s=9.0))

            assert all(rung.height <= height for rung in ladder.videos)
            assert len({rung.name for rung in ladder.videos}) == len(ladder.videos)

    def test_keeps_the_shape_of_a_portrait_picture(self) -> None:
        ladder = build_ladder(dataclasses.replace(GOOD, width=720, height=1280))

        assert [(rung.width, rung.height) for rung in ladder.videos] == [(720, 1280), (480, 854), (360, 640)]

    def test_makes_no_pixel_count_odd(self) -> None:
        ladder = build_ladder(dataclasses.replace(GOOD, width=853, height=481, gop_s=9.0))

        assert all(rung.width % 2 == 0 and rung.height % 2 == 0 for rung in ladder.videos)

    def test_spends_no_more_bits_than_the_source_has(self) -> None:
        ladder = build_ladder(dataclasses.replace(GOOD, video_kbps=600))

        assert all(rung.video_kbps <= 480 for rung in ladder.transcoded)

    def test_has_no_audio_rendition_for_a_silent_source(self) -> None:
        assert [kind for _, kind in _shape(audio_codec="")] == ["copy", "transcode", "transcode"]

    def test_tops_out_at_1080_when_it_has_to_transcode_more(self) -> None:
        assert _shape(width=3840, height=2160, gop_s=9.0)[0] == ("1080p", Kind.TRANSCODE.value)

    @pytest.mark.parametrize(
        ("change", "is_copied"),
        [
            ({}, True),
            ({"audio_profile": "HE-AAC"}, False),
            ({"audio_codec": "mp3"}, False),
            ({"audio_channels": 6}, False),
        ],
    )
    def test_copies_stereo_aac_only(self, change: dict[str, object], is_copied: bool) -> None:
        assert build_ladder(dataclasses.replace(GOOD, **change)).copies_audio is is_copied  # type: ignore[arg-type]
