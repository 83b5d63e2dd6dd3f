"""When a program counts as hung."""

from livehub.stack.supervise import Watch


def judged(watch: Watch, *beats: int | None) -> list[bool]:
    """Return the verdict of each check in turn."""
    return [watch.is_hung("live", beat=beat) for beat in beats]


def test_a_heart_that_beats_is_let_live() -> None:
    assert not any(judged(Watch(), *range(100)))


def test_one_that_stands_still_for_three_checks_is_not() -> None:
    assert judged(Watch(), 1, 2, 2, 2, 2) == [False, False, False, False, True]


def test_one_that_pauses_is_judged_anew() -> None:
    assert not any(judged(Watch(), 1, 1, 1, 2, 2, 2, 3))


def test_a_clock_that_is_set_back_is_a_beat_like_any_other() -> None:
    assert not any(judged(Watch(), 9, 9, 9, 5, 5, 5))


def test_a_start_may_take_long_but_not_for_ever() -> None:
    verdicts = judged(Watch(), *[None] * 30)

    assert not any(verdicts[:20])
    assert verdicts[-1]


def test_the_first_beat_ends_the_start() -> None:
    assert not any(judged(Watch(), *[None] * 20, 1, 1, 1))


def test_a_new_process_owes_nothing_for_the_old_one() -> None:
    watch = Watch()
    judged(watch, 1, 1, 1)

    watch.forget("live")

    assert not any(judged(watch, 1, 1, 1))


def test_each_program_is_judged_for_itself() -> None:
    watch = Watch()
    judged(watch, 1, 1, 1)

    assert not watch.is_hung("urgent", beat=1)
