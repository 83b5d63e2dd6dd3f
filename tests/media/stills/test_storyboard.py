"""The list of the scrub bar's pictures says what it was made of."""

from streams.media.stills import storyboard
from streams.media.stills.storyboard import Picture

# 22 November 2026, 9:00 UTC.
_BEGAN_MS = 1_795_338_000_000


class TestStoryboard:
    def test_is_a_list_of_cues_since_its_beginning(self) -> None:
        shown = [
            Picture(_BEGAN_MS + 250, "pictures/1-0-25.jpg", 144, 256, 144),
            Picture(_BEGAN_MS + 10_250, "pictures/1-10000.jpg", 0, 256, 144),
        ]

        assert storyboard.render(shown, every_ms=10_000) == (
            "WEBVTT\n\n"
            "NOTE begins 2026-11-22T09:00:00.250Z\n\n"
            "00:00:00.000 --> 00:00:10.000\n"
            "pictures/1-0-25.jpg#xywh=0,144,256,144\n\n"
            "00:00:10.000 --> 00:00:20.000\n"
            "pictures/1-10000.jpg#xywh=0,0,256,144\n"
        )

    def test_is_read_as_it_was_written_however_long_it_is(self) -> None:
        shown = [Picture(_BEGAN_MS + hour * 3_600_001, f"pictures/1-{hour}.jpg", 0, 82, 144) for hour in range(120)]

        assert storyboard.parse(storyboard.render(shown, every_ms=10_000)) == shown

    def test_may_be_empty(self) -> None:
        assert storyboard.parse(storyboard.render([], every_ms=10_000)) == []
