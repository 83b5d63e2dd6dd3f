import dataclasses

import pytest

from streams.media.ladder import Kind, Rendition, build_ladder
from tests.media.test_source import GOOD


def _shape(**change: object) -> list[tuple[str, str]]:
    ladder = build_ladder(dataclasses.replace(GOOD, **change))  # type: ignore[arg-type]  # Test tables.
    return [(rendition.name, rendition.kind.value) for rendition in ladder.renditions]


class TestBuildLadder:
    def test_passes_a_fit_source_through_and_makes_the_rungs_below(self) -> None:
        assert _shape() == [("720p", "copy"), ("480p", "transcode"), ("360p", "transcode"), ("audio", "audio")]

    @pytest.mark.parametrize(
        "change",
        [
            {"gop_s": 8.0},
            {"gop_s": 4.3},
            {"profile": "High 10"},
            {"pixel_format": "yuv422p"},
            {"video_codec": "hevc"},
        ],
    )
    def test_transcodes_the_top_rung_of_an_unfit_source(self, change: dict[str, object]) -> None:
        assert _shape(**change)[0] == ("720p", "transcode")

    @pytest.mark.parametrize(
        "change",
        [
            *({"profile": profile} for profile in ("Constrained Baseline", "Baseline", "Main")),
            {"pixel_format": "yuvj420p"},
            {"gop_s": 4.2},
            {"gop_s": 0.5},
            # Not known yet.
            {"gop_s": 0.0},
        ],
    )
    def test_passes_through_whatever_every_browser_plays(self, change: dict[str, object]) -> None:
        assert _shape(**change)[0] == ("720p", "copy")

    def test_makes_each_rung_in_its_size_and_at_its_rate(self) -> None:
        source = dataclasses.replace(GOOD, width=3840, height=2160, fps=50.0, video_kbps=20_000, gop_s=9.0)

        assert build_ladder(source).renditions == (
            Rendition("1080p", Kind.TRANSCODE, 1920, 1080, 50.0, 4500, 0),
            Rendition("720p", Kind.TRANSCODE, 1280, 720, 50.0, 2800, 0),
            Rendition("480p", Kind.TRANSCODE, 854, 480, 50.0, 1400, 0),
            Rendition("360p", Kind.TRANSCODE, 640, 360, 50.0, 800, 0),
            Rendition("audio", Kind.AUDIO, 0, 0, 0.0, 0, 128),
        )

    @pytest.mark.parametrize(
        ("height", "source_kbps", "expected_kbps"),
        [
            # Its own rung, the next one above it, a source whose rate is unknown, one that has hardly any bits.
            (720, 9000, 2800),
            (722, 9000, 4500),
            (720, 0, 2800),
            (720, 50, 100),
        ],
    )
    def test_gives_the_top_rung_the_rate_of_its_size(self, height: int, source_kbps: int, expected_kbps: int) -> None:
        source = dataclasses.replace(GOOD, width=1280, height=height, video_kbps=source_kbps, gop_s=9.0)

        assert build_ladder(source).videos[0].video_kbps == expected_kbps

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

    def test_makes_no_pixel_count_nothing(self) -> None:
        ladder = build_ladder(dataclasses.replace(GOOD, width=3, height=1, gop_s=9.0))

        assert [(rung.width, rung.height) for rung in ladder.videos] == [(4, 2)]

    def test_spends_no_more_bits_than_the_source_has(self) -> None:
        ladder = build_ladder(dataclasses.replace(GOOD, video_kbps=600))

        assert all(rung.video_kbps <= 480 for rung in ladder.transcoded)

    def test_has_no_audio_rendition_for_a_silent_source(self) -> None:
        assert [kind for _, kind in _shape(audio_codec="")] == ["copy", "transcode", "transcode"]

    def test_knows_its_audio_and_whether_it_copies_the_video(self) -> None:
        passed_through = build_ladder(GOOD)
        silent_transcode = build_ladder(dataclasses.replace(GOOD, gop_s=9.0, audio_codec=""))

        assert passed_through.audio == Rendition("audio", Kind.AUDIO, audio_kbps=128)
        assert silent_transcode.audio is None
        assert passed_through.copies_video is True
        assert silent_transcode.copies_video is False

    def test_tops_out_at_1080_when_it_has_to_transcode_more(self) -> None:
        assert _shape(width=3840, height=2160, gop_s=9.0)[0] == ("1080p", Kind.TRANSCODE.value)

    @pytest.mark.parametrize(
        ("change", "is_copied"),
        [
            ({}, True),
            ({"audio_profile": "HE-AAC"}, False),
            ({"audio_codec": "mp3"}, False),
            ({"audio_channels": 6}, False),
            ({"audio_channels": 1}, True),
            ({"sample_rate": 44_100}, True),
            ({"sample_rate": 24_000}, False),
        ],
    )
    def test_copies_stereo_aac_only(self, change: dict[str, object], is_copied: bool) -> None:
        assert build_ladder(dataclasses.replace(GOOD, **change)).copies_audio is is_copied  # type: ignore[arg-type]


class TestWithoutTop:
    @pytest.mark.parametrize(
        ("change", "count", "left", "left_out"),
        [
            ({}, 0, ["720p", "480p", "360p", "audio"], []),
            ({}, 1, ["720p", "360p", "audio"], ["480p"]),
            ({}, 2, ["720p", "audio"], ["480p", "360p"]),
            ({}, 3, ["720p", "audio"], ["480p", "360p"]),
            ({"gop_s": 9.0}, 1, ["480p", "360p", "audio"], ["720p"]),
            ({"gop_s": 9.0}, 9, ["360p", "audio"], ["720p", "480p"]),
        ],
    )
    def test_leaves_out_the_tallest_that_are_made_and_keeps_a_picture(
        self, change: dict[str, object], count: int, left: list[str], left_out: list[str]
    ) -> None:
        whole = build_ladder(dataclasses.replace(GOOD, **change))  # type: ignore[arg-type]  # Test tables.

        ladder = whole.without_top(count)

        assert [rendition.name for rendition in ladder.renditions] == left
        assert [rendition.name for rendition in ladder.left_out] == left_out
        assert ladder.whole == whole.renditions
        # The picture that is encoded anew is cut as the one that is passed through, as before.
        assert ladder.copies_video is whole.copies_video

    def test_says_what_would_go_next(self) -> None:
        ladder = build_ladder(GOOD)

        assert [ladder.without_top(count).next_to_leave_out for count in (0, 1, 2)] == [*ladder.transcoded, None]
        assert build_ladder(dataclasses.replace(GOOD, width=426, height=240, gop_s=9.0)).next_to_leave_out is None
