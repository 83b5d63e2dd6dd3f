"""Whether a run keeps up with its encoder."""

from streams.livestreams.speed import SpeedWatch


def test_nothing_is_said_before_much_is_known() -> None:
    watch = SpeedWatch()

    assert [watch.note(now_s=100.0 + second, media_ms=second * 1000) for second in range(4)] == [None, None, None, 1.0]


def test_what_counts_is_the_last_ten_seconds() -> None:
    watch = SpeedWatch()
    media_ms = 0

    for second in range(60):
        media_ms += 1000 if second < 30 else 500
        speed = watch.note(now_s=float(second), media_ms=media_ms)

    assert speed == 0.5
