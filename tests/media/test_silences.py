"""What is told of silences of an encoder, and how seldom."""

from streams.media.silences import SilenceBegan, SilenceEnded, Silences


def test_are_told_as_they_begin_and_end() -> None:
    silences = Silences()
    assert silences.take_news(now_ms=0) == []
    silences.begin(at_ms=1000)

    assert silences.take_news(now_ms=1700) == [SilenceBegan()]
    assert silences.take_news(now_ms=2000) == []
    silences.end(at_ms=4000)
    assert silences.take_news(now_ms=4000) == [SilenceEnded(3.0, 1)]
    assert silences.take_news(now_ms=60_000) == []


def test_that_nobody_saw_begin_are_told_all_the_same() -> None:
    silences = Silences()
    silences.begin(at_ms=1000)
    silences.end(at_ms=2000)

    assert silences.take_news(now_ms=2500) == [SilenceBegan(), SilenceEnded(1.0, 1)]


def test_that_follow_each_other_are_counted() -> None:
    silences, told = Silences(), []
    for begins_at in range(0, 60_000, 2000):
        silences.begin(at_ms=begins_at)
        told += silences.take_news(now_ms=begins_at + 700)
        silences.end(at_ms=begins_at + 1000)
        told += silences.take_news(now_ms=begins_at + 1000)
    told += silences.take_news(now_ms=70_000)

    ended = [news for news in told if isinstance(news, SilenceEnded)]
    assert len(told) == 2 * len(ended) <= 14
    assert sum(news.count for news in ended) == 30
    assert sum(news.silent_s for news in ended) == 30


def test_that_last_are_told_once_it_is_time() -> None:
    silences = Silences()
    for begins_at, ends_at in ((0, 1000), (2000, None)):
        silences.begin(at_ms=begins_at)
        silences.take_news(now_ms=begins_at + 700)
        if ends_at:
            silences.end(at_ms=ends_at)
            silences.take_news(now_ms=ends_at)

    assert silences.take_news(now_ms=9000) == []
    assert silences.take_news(now_ms=10_800) == [SilenceBegan()]


def test_have_no_end_where_the_encoder_leaves() -> None:
    silences = Silences()
    silences.begin(at_ms=0)
    silences.take_news(now_ms=700)
    silences.leave()
    silences.end(at_ms=30_000)

    assert silences.take_news(now_ms=30_000) == []
