"""Files that are there as a whole or not at all."""

import os
from pathlib import Path

import pytest

from streams.media.writing import write_whole
from tests.media.journals import no_room


def test_has_all_pieces_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "1-0.m4s"
    path.write_bytes(b"what was there before, and longer")

    write_whole(path, [b"head", b"", b"payload"])

    assert path.read_bytes() == b"headpayload"
    assert [each.name for each in tmp_path.iterdir()] == ["1-0.m4s"]


def test_can_be_read_by_those_who_serve_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_whole(tmp_path / "1-0.m4s", [b"segment"])
    finally:
        os.umask(before)

    assert (tmp_path / "1-0.m4s").stat().st_mode & 0o777 == 0o644


def test_leaves_no_file_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # What is asked is how many.

    write_whole(tmp_path / "1-0.m4s", [b"segment"])
    with no_room(above=10), pytest.raises(OSError, match=r"."):
        write_whole(tmp_path / "1-1.m4s", [b"x" * 20])

    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_is_not_there_when_there_was_no_room_for_all_of_it(tmp_path: Path) -> None:
    with no_room(above=10), pytest.raises(OSError, match=r"."):
        write_whole(tmp_path / "1-0.m4s", [b"x" * 8, b"y" * 8])

    assert not (tmp_path / "1-0.m4s").exists()


def test_takes_up_what_an_earlier_try_has_left(tmp_path: Path) -> None:
    (tmp_path / ".1-0.m4s").write_bytes(b"half of something that was longer")

    write_whole(tmp_path / "1-0.m4s", [b"whole"])

    assert (tmp_path / "1-0.m4s").read_bytes() == b"whole"


def test_goes_on_where_one_write_did_not_take_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As a signal or a nearly full disk makes of it.
    monkeypatch.setattr(os, "writev", lambda descriptor, pieces: os.write(descriptor, pieces[0][:3]))

    write_whole(tmp_path / "1-0.m4s", [b"abcdef", b"ghi"])

    assert (tmp_path / "1-0.m4s").read_bytes() == b"abcdefghi"
