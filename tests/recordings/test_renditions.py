"""What was asked for of a recording's picture comes to, in pixels."""

import pytest

from streams.recordings.renditions import FileForm


@pytest.mark.parametrize(
    ("width", "height", "source", "size"),
    [
        (None, None, (1920, 1080), (1920, 1080)),
        (640, 480, (1920, 1080), (640, 480)),
        # What is left out follows from the source's form: 9/16 of 640, 16/9 of 360.
        (640, None, (1920, 1080), (640, 360)),
        (None, 360, (1920, 1080), (640, 360)),
        (None, 640, (1080, 1920), (360, 640)),
        # Encoders take even numbers alone: 333 x 9/16 is 187.3.
        (333, None, (1920, 1080), (332, 186)),
        (None, 361, (640, 361), (640, 360)),
        (None, None, (853, 479), (852, 478)),
        # And none below 16.
        (16, None, (1920, 1080), (16, 16)),
    ],
)
def test_is_a_size_that_encoders_take(
    width: int | None, height: int | None, source: tuple[int, int], size: tuple[int, int]
) -> None:
    assert FileForm(width=width, height=height).size_of(source) == size


@pytest.mark.parametrize(
    ("form", "sizes", "is_met"),
    [
        (FileForm(), [(640, 360), (320, 180)], True),
        (FileForm(width=640), [(640, 360)], True),
        # Another encoder came, whose picture is smaller.
        (FileForm(width=640), [(640, 360), (320, 180)], False),
        (FileForm(height=360), [(320, 180)], False),
        (FileForm(codec="VP8"), [(640, 360)], False),
        (FileForm(watermark_url="https://pictures.example/mark.png"), [(640, 360)], False),
    ],
)
def test_is_what_was_broadcast_where_nothing_has_to_be_made_of_it(
    form: FileForm, sizes: list[tuple[int, int]], is_met: bool
) -> None:
    assert form.copies_pictures(sizes) is is_met
