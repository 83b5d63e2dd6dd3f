"""Streams that are broken in ways that no encoder has on purpose: a finding, no crash, and nothing that grows."""

import tracemalloc
from collections.abc import Iterator
from random import Random

import pytest

from streams.media.doctor.doctor import Doctor
from streams.media.doctor.kinds import FindingKind
from streams.media.flv import Tag, TagReader, TagType, render_tag
from tests.media.clips import flv
from tests.media.doctor.patients import LENGTH_S, RATE, SIZE, Came, healthy, named, on_time, rewritten, tags_of

_HEADER = 13
_LATEST_MS = 0xFFFFFFFF
# What is kept of a minute of media takes less, whatever comes.
_MOST_BYTES = 3 << 20


def _clip() -> bytes:
    return flv(size=SIZE, seconds=LENGTH_S, x264=RATE)


def _is_picture(tag: Tag) -> bool:
    return tag.type == TagType.VIDEO and tag.is_media


def _read(clip: bytes) -> Iterator[Came]:
    return on_time(TagReader().feed(clip))


def _damaged(*, seed: int, share: float) -> bytes:
    """Return a clip of which some bytes are others: lengths, types and times as well."""
    random = Random(seed)  # noqa: S311  # Repeatable.
    made = bytearray(_clip())
    for _ in range(int(len(made) * share)):
        made[random.randrange(_HEADER, len(made))] = random.randrange(256)
    return bytes(made)


class TestBytes:
    @pytest.mark.parametrize("seed", range(8))
    def test_that_are_others_are_survived(self, seed: int) -> None:
        doctor = Doctor(is_low=True)
        now_ms = 0.0
        for tag in TagReader().feed(_damaged(seed=seed, share=0.001)):
            now_ms += 20
            doctor.note([tag], now_ms)

        assert len(doctor.examine(now_ms=now_ms, is_last=True).findings) <= len(FindingKind)

    def test_whose_lengths_are_wrong_are_survived(self) -> None:
        """Half of a tag is left out, again and again: what follows is read from the middle of a picture, or never."""
        made = bytearray(_clip()[:_HEADER])
        for number, tag in enumerate(tags_of(_clip())):
            whole = render_tag(tag.type, tag.timestamp_ms, tag.body)
            made += whole[: len(whole) // 2] if number % 200 == 199 else whole

        assert named(_read(bytes(made))).keys() <= {FindingKind.BROKEN_MEDIA, FindingKind.TIMESTAMPS_BACK}

    def test_of_a_stream_that_ends_in_a_tag_are_survived(self) -> None:
        assert named(_read(_clip()[:-1000])) == {}


class TestPictures:
    def test_that_are_cut_off_are_named_and_nothing_else_is(self) -> None:
        """Of key frames the second half is missing, although they say how long they are."""

        def cut(tag: Tag) -> Tag:
            if not tag.is_key_frame:
                return tag
            body = tag.body[:40]
            return tag._replace(size=len(body), body=body)

        found = named(rewritten(healthy(), cut))

        assert next(iter(found)) == FindingKind.BROKEN_MEDIA
        assert found[FindingKind.BROKEN_MEDIA] <= 10

    def test_without_what_they_are_decoded_with_are_survived(self) -> None:
        """Nothing is announced: of which size they are is not known, nor which bitrates are usual."""
        assert named(came for came in healthy() if not came.tag.announced) == {}

    @pytest.mark.parametrize("config", [b"", b"\0", b"\x01\x64\x00\x1f\xff\xe1\xff\xff", b"\xff" * 4000])
    def test_whose_announcement_makes_no_sense_are_survived(self, config: bytes) -> None:
        def announced(tag: Tag) -> Tag:
            return tag._replace(announced=b"\0\0\0" + config) if tag.announced and tag.type == TagType.VIDEO else tag

        assert named(rewritten(healthy(), announced)) == {}

    def test_whose_parameters_change_again_and_again_are_named_once(self) -> None:
        def announcing() -> Iterator[Came]:
            for number, came in enumerate(healthy()):
                if came.tag.is_key_frame:
                    config = b"\0\0\0" + bytes([number % 256]) * 9
                    yield Came(Tag(TagType.VIDEO, came.tag.timestamp_ms, 9, False, config, is_media=False), came.at_ms)
                yield came

        assert set(named(announcing())) == {FindingKind.PARAMETERS_CHANGED}

    @pytest.mark.parametrize("first", [0x90 | 1, 0x1C, 0x1D], ids=["enhanced RTMP", "HEVC as 12", "AV1 as 13"])
    def test_of_other_codecs_are_left_to_who_pulls_them_and_refuses_them(self, first: int) -> None:

        def recoded(tag: Tag) -> Tag:
            if tag.type != TagType.VIDEO or not tag.body:
                return tag
            (other,) = TagReader().feed(
                _clip()[:_HEADER] + render_tag(tag.type, tag.timestamp_ms, bytes([first]) + b"hvc1" + tag.body[5:])
            )
            return other

        assert named(rewritten(healthy(), recoded)).keys() <= {FindingKind.BROKEN_MEDIA}


class TestTimes:
    def test_that_are_absurd_are_named(self) -> None:
        def absurd(tag: Tag) -> Tag:
            at_ms = tag.timestamp_ms
            return tag._replace(timestamp_ms=_LATEST_MS - at_ms if at_ms % 3000 < 40 else at_ms) if at_ms else tag

        assert FindingKind.TIMESTAMPS_BACK in named(rewritten(healthy(), absurd))

    def test_when_pictures_are_shown_that_are_absurd_are_named(self) -> None:
        def absurd(tag: Tag) -> Tag:
            return tag._replace(composition_ms=-8_000_000) if _is_picture(tag) and tag.timestamp_ms > 5000 else tag

        found = named(rewritten(healthy(), absurd))

        assert FindingKind.BROKEN_MEDIA in found

    def test_that_stand_still_are_survived(self) -> None:
        assert named(rewritten(healthy(), lambda tag: tag._replace(timestamp_ms=40))) != {}

    @pytest.mark.parametrize(("step_ms", "jump_ms"), [(0, 0), (1, 0), (33, _LATEST_MS), (33, 1_000_000)], ids=str)
    def test_do_not_make_what_is_kept_grow(self, step_ms: int, jump_ms: int) -> None:
        """Key frames alone, many of them, whose clock stands still, crawls, or jumps to and fro."""
        doctor = Doctor(is_low=True)
        _feed(doctor, count=20_000, step_ms=step_ms, jump_ms=jump_ms, from_ms=0)
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        _feed(doctor, count=100_000, step_ms=step_ms, jump_ms=jump_ms, from_ms=20_000)

        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()

        assert grown < _MOST_BYTES


def _feed(doctor: Doctor, *, count: int, step_ms: int, jump_ms: int, from_ms: int) -> None:
    """Let a key frame come every millisecond."""
    for number in range(from_ms, from_ms + count):
        at_ms = (number * step_ms + (number % 2) * jump_ms) % (_LATEST_MS + 1)
        doctor.note([Tag(TagType.VIDEO, at_ms, 60, is_key_frame=True)], float(number))
    doctor.examine(now_ms=float(from_ms + count))
