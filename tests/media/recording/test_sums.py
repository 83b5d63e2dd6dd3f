"""The sum over a file whose beginning was changed is the one over all of its bytes."""

import random
import zlib

import pytest

from streams.media.recording.sums import crc32_with_other_head

_CONTENT = random.Random(30).randbytes(100_003)  # noqa: S311 - the same each time.


@pytest.mark.parametrize("size", [48, 49, 4096, 65_537, len(_CONTENT)])
def test_is_the_one_over_the_changed_file(size: int) -> None:
    before = _CONTENT[:size]
    after = b"another beginning, of sixteen bytes and some mor" + before[48:]

    found = crc32_with_other_head(zlib.crc32(before), size=size, before=before[:48], after=after[:48])

    assert found == zlib.crc32(after)


def test_of_what_was_not_changed_stays() -> None:
    assert crc32_with_other_head(123_456, size=1 << 44, before=b"head", after=b"head") == 123_456


def test_changes_back() -> None:
    there = crc32_with_other_head(77, size=1 << 44, before=b"one", after=b"two")

    assert there != 77
    assert crc32_with_other_head(there, size=1 << 44, before=b"two", after=b"one") == 77


@pytest.mark.parametrize(("before", "after", "size"), [(b"a", b"ab", 10), (b"abc", b"abd", 2)])
def test_head_that_cannot_be_replaced_is_refused(before: bytes, after: bytes, size: int) -> None:
    with pytest.raises(ValueError, match="keeps its size"):
        crc32_with_other_head(1, size=size, before=before, after=after)
