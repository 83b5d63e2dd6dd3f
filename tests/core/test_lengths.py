import pytest

from livehub.core.lengths import length_words


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (47, "47 seconds"),
        (60, "1 minute"),
        (90, "90 seconds"),
        (600, "10 minutes"),
        (754, "12 minutes 34 seconds"),
        (5400, "90 minutes"),
        (3600, "1 hour"),
        (7261, "2 hours 1 minute"),
        (7201, "2 hours"),
        (43_200, "12 hours"),
        (86_400, "24 hours"),
        (172_800, "2 days"),
        (180_000, "50 hours"),
        (31_536_000, "365 days"),
    ],
)
def test_is_told_as_people_do(seconds: int, expected: str) -> None:
    assert length_words(seconds) == expected
