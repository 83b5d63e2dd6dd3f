"""The pictures since the last key frame."""

from streams.media.flv import Tag, TagReader, TagType
from streams.media.gop import KeptGop
from tests.media.clips import flv


def _tags(**how: object) -> list[Tag]:
    clip = flv(**({"size": "320x180", "gop": 30, "seconds": 2} | how))
    return [tag for tag in TagReader().feed(clip) if tag.type != TagType.SCRIPT]


def _kept(tags: list[Tag], *, most_bytes: int = 1 << 20) -> KeptGop:
    kept = KeptGop(most_bytes=most_bytes)
    for tag in tags:
        kept.announce(tag)
        kept.note(tag)
    return kept


def _pictures(tags: list[Tag]) -> list[Tag]:
    return [tag for tag in tags if tag.type == TagType.VIDEO and tag.is_media]


def test_are_those_that_were_sent_since_it_and_no_sound() -> None:
    tags = [tag for tag in _tags() if tag.timestamp_ms < 1500]
    kept = _kept(tags)

    assert kept.pictures is not None
    assert kept.pictures.tags == tuple(_pictures(tags)[30:])
    assert kept.pictures.tags[0].is_key_frame
    assert kept.count == len(_pictures(tags))


def test_are_none_before_a_key_frame() -> None:
    tags = [tag for tag in _tags() if not tag.is_key_frame]

    assert KeptGop().pictures is None
    assert _kept(tags).pictures is None


def test_come_with_what_was_announced_before_their_key_frame() -> None:
    tags, others = _tags(), _tags(profile="main")
    announced = [tag for tag in others if tag.announced]

    record = _kept(tags).pictures
    assert record is not None
    assert record.record == next(tag.record for tag in tags if tag.type == TagType.VIDEO and tag.announced)
    late, then = _kept(tags + announced).pictures, _kept(tags + others).pictures
    assert late is not None
    assert then is not None
    assert late.record == record.record
    assert then.record == next(tag.record for tag in announced if tag.type == TagType.VIDEO) != record.record


def test_are_the_key_frame_alone_where_all_are_too_many() -> None:
    tags = _tags()
    key_frames = [tag for tag in _pictures(tags) if tag.is_key_frame]

    kept = _kept(tags, most_bytes=key_frames[-1].size + 1000)

    assert kept.pictures is not None
    assert kept.pictures.tags == (key_frames[-1],)
    assert kept.pictures.last_ms == 0
    # The next one begins anew.
    assert _kept(tags + tags[:6], most_bytes=1 << 20).pictures != kept.pictures


def test_are_a_clip_of_their_own() -> None:
    kept = _kept(_tags(x264="bframes=2"))

    assert kept.pictures is not None
    tags = list(TagReader().feed(kept.pictures.clip()))
    assert tags[0].record == kept.pictures.record
    began_ms = kept.pictures.tags[0].timestamp_ms
    assert [(tag.timestamp_ms, tag.body) for tag in tags[1:]] == [
        (tag.timestamp_ms - began_ms, tag.body) for tag in kept.pictures.tags
    ]
    # The last that is shown is not the last that is sent.
    assert kept.pictures.last_ms == max(tag.shown_ms for tag in tags)
    assert kept.pictures.last_ms > tags[-1].shown_ms
