"""The edge's log is read once, whatever happens to its files."""

from pathlib import Path

import pytest

from analytics import media_log
from analytics.counting.batch import Position
from analytics.media_log import MediaLog
from tests.analytics.crowds import BEGAN_S, line

_SOME = [line(BEGAN_S, msn=number) for number in range(20)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "media.log"


def _log(path: Path, position: Position | None = None) -> MediaLog:
    log = MediaLog(path, pid_path=path.with_name("edge.pid"))
    log.begin(position or Position())
    return log


def _write(path: Path, *lines: bytes, end: bytes = b"\n") -> None:
    with path.open("ab") as file:
        file.write(b"\n".join(lines) + end)


def _read(log: MediaLog) -> list[bytes]:
    """Return all that there is; a file that was renamed is let go of by and by."""
    found: list[bytes] = []
    for _ in range(30):
        found += log.read()
    return found


def test_only_whole_lines_are_read(path: Path) -> None:
    log = _log(path)
    _write(path, *_SOME[:3])
    _write(path, _SOME[3][:50], end=b"")

    assert _read(log) == _SOME[:3]
    assert log.position.offset == len(b"\n".join(_SOME[:3])) + 1

    _write(path, _SOME[3][50:])
    assert _read(log) == _SOME[3:4]


def test_goes_on_where_it_was_though_the_file_has_another_name_and_another_has_its_own(path: Path) -> None:
    first = _log(path)
    _write(path, *_SOME[:3])
    assert _read(first) == _SOME[:3]
    path.rename(path.with_name("media.log.000001"))
    _write(path.with_name("media.log.000001"), _SOME[3])
    _write(path, *_SOME[4:6])

    # Another process, which knows nothing but the position.
    second = _log(path, first.position)

    assert _read(second) == _SOME[3:6]
    assert _read(first) == _SOME[3:6]


def test_begins_with_the_oldest_where_its_own_file_is_gone(path: Path) -> None:
    _write(path.with_name("media.log.000002"), *_SOME[:2])
    _write(path, *_SOME[2:4])

    assert _read(_log(path, Position("f" * 32, 12345))) == _SOME[:4]


def test_an_empty_file_is_waited_for(path: Path) -> None:
    path.touch()
    log = _log(path)
    assert _read(log) == []

    _write(path, *_SOME[:2])

    assert _read(log) == _SOME[:2]


def test_a_line_without_an_end_counts_as_torn(path: Path) -> None:
    log = _log(path)
    _write(path, *_SOME[:2])
    _write(path, _SOME[2][:30], end=b"")
    path.rename(path.with_name("media.log.000001"))
    _write(path, _SOME[3])

    assert _read(log) == [*_SOME[:2], _SOME[3]]
    assert log.torn == 1


def test_files_go_when_they_are_written_down_and_not_before(path: Path) -> None:
    log = _log(path)
    old = path.with_name("media.log.000001")
    _write(old, *_SOME[:2])
    _write(path, *_SOME[2:4])
    assert _read(log) == _SOME[:4]

    first_only = Position(f"{0:016x}{0:016x}", old.stat().st_size - 1)
    log.forget(first_only)
    assert old.exists()
    log.forget(log.position)

    assert not old.exists()
    assert path.exists()
    assert _read(log) == []


def test_what_nobody_can_write_down_is_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_log, "_KEPT_BYTES", 3000)
    log = _log(path)
    for number in range(1, 9):
        _write(path.with_name(f"media.log.{number:06}"), *_SOME[number : number + 2])
    _write(path, _SOME[0])
    assert len(_read(log)) == 17

    assert log.forget(Position()) > 0

    kept = list(path.parent.glob("media.log.*"))
    assert sum(file.stat().st_size for file in kept) <= 3000
    # The newest ones.
    assert path.with_name("media.log.000008") in kept


def test_what_nobody_reads_is_bounded_as_well(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database is away, and no more is counted; or who counts is slower than what is delivered."""
    monkeypatch.setattr(media_log, "_KEPT_BYTES", 3000)
    log = _log(path)
    _write(path.with_name("media.log.000001"), *_SOME[:2])
    assert log.read() == _SOME[:2]
    for number in range(2, 9):
        _write(path.with_name(f"media.log.{number:06}"), *_SOME[number : number + 2])

    assert log.forget(Position("f" * 32, 1)) > 0

    kept = list(path.parent.glob("media.log.*"))
    assert sum(file.stat().st_size for file in kept) <= 3000
    assert path.with_name("media.log.000008") in kept
    # What is read at the moment goes on, and the oldest of those that are left follows.
    _write(path.with_name("media.log.000001"), _SOME[19])
    assert _read(log)[0] == _SOME[19]


def test_files_follow_each_other_by_their_numbers(path: Path) -> None:
    """Also after a million of them."""
    for number, name in enumerate(("999999", "1000000", "1000001")):
        _write(path.with_name(f"media.log.{name}"), _SOME[number])

    assert _read(_log(path)) == _SOME[:3]


def test_a_file_of_rubbish_comes_to_an_end(path: Path) -> None:
    log = _log(path)
    path.write_bytes(b"x" * (3 << 20))
    _write(path, b"", _SOME[0])

    found = _read(log)

    assert found[-1] == _SOME[0]
    assert len(found) < 10
