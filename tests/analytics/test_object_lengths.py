"""How long an object is, by its own tables."""

from pathlib import Path

import pytest

from analytics.counting.media import Extent, MediumAddress, read_path
from analytics.object_lengths import ObjectLengths
from tests.analytics.crowds import SESSION
from tests.analytics.delivered import put_media


def _address(name: str) -> MediumAddress:
    address = read_path(f"/playback/pb_crowd/{SESSION}/v0/{name}")
    assert address is not None
    return address


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return put_media(tmp_path, session=SESSION, segments=3)


@pytest.mark.parametrize(("name", "duration_us"), [("1-1.m4s", 2_000_000), ("1-1.2.m4s", 500_000)])
def test_is_read_from_the_object(folder: Path, tmp_path: Path, name: str, duration_us: int) -> None:
    measured = ObjectLengths(tmp_path).measure(_address(name))

    assert measured == Extent(duration_us, (folder / name).stat().st_size)


def test_of_a_part_that_is_gone_stands_in_its_segment(folder: Path, tmp_path: Path) -> None:
    (folder / "1-1.2.m4s").unlink()

    measured = ObjectLengths(tmp_path).measure(_address("1-1.2.m4s"))

    assert measured is not None
    assert measured.duration_us == 500_000


def test_of_what_has_all_gone_is_as_of_those_before(folder: Path, tmp_path: Path) -> None:
    lengths = ObjectLengths(tmp_path)
    assert lengths.measure(_address("1-9.m4s")) is None
    assert lengths.measure(_address("1-0.m4s")) is not None

    measured = lengths.measure(_address("1-9.m4s"))

    assert measured is not None
    assert measured.duration_us == 2_000_000
    # A part is no segment.
    assert lengths.measure(_address("1-9.0.m4s")) is None


@pytest.mark.parametrize("data", [b"", b"\x00" * 64, b"\x00\x00\x00\x05moof", b"\x7f\xff\xff\xffmoof" + b"x" * 99])
def test_of_rubbish_nobody_knows(folder: Path, tmp_path: Path, data: bytes) -> None:
    (folder / "1-1.m4s").write_bytes(data)

    assert ObjectLengths(tmp_path).measure(_address("1-1.m4s")) is None


@pytest.mark.parametrize("root", ["/playback", "/playback-files", ""])
def test_a_path_names_the_same_from_wherever_nginx_served_it(root: str) -> None:
    found = read_path(f"{root}/pb_crowd/{SESSION}/v0/3-71.5.m4s")

    assert found == MediumAddress(f"pb_crowd/{SESSION}/v0", "3-71.5.m4s", SESSION, "v0", 3, 71, 5)


@pytest.mark.parametrize(
    "path",
    [
        f"/static/pb_crowd/{SESSION}/v0/1-7.m4s",
        f"pb_crowd/{SESSION}/v0/1-7.m4s",
        f"//{SESSION}/v0/1-7.m4s",
        f"/playback/pb_crowd/{SESSION}/v0/../1-7.m4s",
    ],
)
def test_another_path_names_nothing(path: str) -> None:
    assert read_path(path) is None
