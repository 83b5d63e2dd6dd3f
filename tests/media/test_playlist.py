import dataclasses

from streams.media.ladder import Kind, Rendition
from streams.media.playlist import (
    Bitrates,
    Variant,
    render_multivariant,
)


class TestRenderMultivariant:
    video = Variant(
        Rendition("720p", Kind.COPY, 1280, 720, 29.97, 3000), "a/720p/index.m3u8", "avc1.64001f", 3_000_000, 2_800_000
    )
    audio = Variant(Rendition("audio", Kind.AUDIO, audio_kbps=128), "a/audio/index.m3u8", "mp4a.40.2", 140_000, 128_000)

    def test_shares_one_audio_rendition_and_counts_it_in(self) -> None:
        assert render_multivariant([self.video, self.audio]).splitlines() == [
            "#EXTM3U",
            "#EXT-X-VERSION:9",
            "#EXT-X-INDEPENDENT-SEGMENTS",
            '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Audio",DEFAULT=YES,AUTOSELECT=YES,URI="a/audio/index.m3u8"',
            '#EXT-X-STREAM-INF:BANDWIDTH=3140000,AVERAGE-BANDWIDTH=2928000,CODECS="avc1.64001f,mp4a.40.2",'
            'RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO="audio"',
            "a/720p/index.m3u8",
            '#EXT-X-STREAM-INF:BANDWIDTH=140000,AVERAGE-BANDWIDTH=128000,CODECS="mp4a.40.2",AUDIO="audio"',
            "a/audio/index.m3u8",
        ]

    def test_lists_video_alone_for_a_silent_source(self) -> None:
        text = render_multivariant([self.video])

        assert "AUDIO" not in text
        assert 'CODECS="avc1.64001f"' in text

    def test_lists_first_pictures_for_those_who_look_for_a_place(self) -> None:
        variant = dataclasses.replace(self.video, key_frames_uri="s/v0/iframes.m3u8", key_frames_bandwidth=200_000)

        assert render_multivariant([variant]).splitlines()[-1] == (
            '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=200000,CODECS="avc1.64001f",RESOLUTION=1280x720,URI="s/v0/iframes.m3u8"'
        )

    def test_lists_no_first_pictures_where_there_are_none(self) -> None:
        assert "I-FRAME" not in render_multivariant([self.video, self.audio])


class TestBitrates:
    def bitrates(self) -> Bitrates:
        bitrates = Bitrates()
        bitrates.add(size=500_000, key_size=50_000, duration_us=2_000_000)
        bitrates.add(size=250_000, key_size=25_000, duration_us=2_000_000)
        return bitrates

    def test_are_nothing_before_a_segment(self) -> None:
        assert (Bitrates().peak, Bitrates().average, Bitrates().key_frames_peak) == (0, 0, 0)

    def test_are_the_highest_and_the_mean(self) -> None:
        assert (self.bitrates().peak, self.bitrates().average) == (2_000_000, 1_500_000)

    def test_are_those_of_the_first_pictures_alone(self) -> None:
        assert self.bitrates().key_frames_peak == 200_000

    def test_of_short_segments_are_measured_together(self) -> None:
        bitrates = Bitrates()
        for size in (300_000, 100_000, 100_000):
            bitrates.add(size=size, key_size=0, duration_us=600_000)

        # Not the 4 Mbit/s that the first has for a moment.
        assert bitrates.peak == 500_000 * 8 * 10 // 18

    def test_of_a_lone_short_segment_make_no_promise(self) -> None:
        bitrates = Bitrates()
        bitrates.add(size=300_000, key_size=0, duration_us=600_000)

        assert bitrates.peak == 0
