from streams.media.ladder import Kind, Rendition
from streams.media.playlist import (
    Bitrates,
    Variant,
    measured_variant,
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


class TestMeasuredVariant:
    rendition = Rendition("720p", Kind.COPY, 1280, 720, 30, 3000)

    def bitrates(self) -> Bitrates:
        bitrates = Bitrates()
        bitrates.add(size=500_000, key_size=50_000, duration_us=2_000_000)
        bitrates.add(size=250_000, key_size=25_000, duration_us=2_000_000)
        return bitrates

    def test_promises_the_peak_that_was_measured(self) -> None:
        variant = measured_variant(self.rendition, folder="s/v0", codecs="avc1.64001f", bitrates=self.bitrates())

        assert (variant.bandwidth, variant.average_bandwidth) == (2_000_000, 1_500_000)

    def test_lists_first_pictures_for_those_who_look_for_a_place(self) -> None:
        variant = measured_variant(self.rendition, folder="s/v0", codecs="avc1.64001f", bitrates=self.bitrates())

        assert render_multivariant([variant]).splitlines()[-1] == (
            '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=200000,CODECS="avc1.64001f",RESOLUTION=1280x720,URI="s/v0/iframes.m3u8"'
        )

    def test_names_the_playlists_of_the_live_edge(self) -> None:
        variant = measured_variant(
            self.rendition, folder="s/v0", codecs="avc1.64001f", bitrates=self.bitrates(), is_edge=True
        )

        assert variant.uri == "s/v0/index.m3u8?dvr=0"

    def test_has_none_for_sound(self) -> None:
        audio = Rendition("audio", Kind.AUDIO, audio_kbps=128)

        variant = measured_variant(audio, folder="s/a0", codecs="mp4a.40.2", bitrates=self.bitrates())

        assert "I-FRAME" not in render_multivariant([variant])
