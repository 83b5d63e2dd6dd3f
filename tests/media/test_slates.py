"""Slates, made by ffmpeg of pictures of any kind."""

import os
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from streams.media.avc import find_picture_size
from streams.media.slates import DEFAULT_PICTURE, SlateForm, SlateOrder
from streams.media.source import Source
from tests.media.journals import no_room
from tests.services import HANG_S, wait_until

_FORM = SlateForm(640, 360, 25.0, "main")
_SOURCE = Source("h264", "High", "yuv420p", 1280, 720, 29.97, 2500, 2.0, "aac", "LC", 2, 48_000)


def _made(picture: Path, form: SlateForm, folder: Path) -> SlateOrder:
    order = SlateOrder(picture, form, folder=folder / "slates")
    wait_until(lambda: order.slate is not None or order.has_failed, what="the slate")
    order.cancel()
    return order


@pytest.mark.parametrize(
    "form",
    [_FORM, SlateForm(360, 640, 29.97, "high"), SlateForm(320, 180, 5.0, "baseline"), SlateForm(96, 64, 0.4, "high")],
)
def test_has_the_size_and_the_rate_of_the_source(tmp_path: Path, form: SlateForm) -> None:
    slate = _made(DEFAULT_PICTURE, form, tmp_path).slate

    assert slate is not None
    size = find_picture_size(slate.record)
    assert size is not None
    assert (size.width, size.height, slate.fps) == (form.width, form.height, form.fps)
    assert len(slate.bodies) == max(1, round(2 * form.fps))
    assert slate.record[1] == {"baseline": 66, "main": 77, "high": 100}[form.profile]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, SlateForm(1280, 720, 29.97, "high")),
        ({"fps": 0.0, "profile": "Constrained Baseline"}, SlateForm(1280, 720, 30.0, "baseline")),
        ({"profile": "High 4:2:2"}, SlateForm(1280, 720, 29.97, "high")),
    ],
)
def test_has_the_form_of_the_source(change: dict[str, object], expected: SlateForm) -> None:
    assert SlateForm.of(replace(_SOURCE, **change)) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["own.png", "own.jpg"])
def test_may_be_of_an_own_picture_of_any_size(tmp_path: Path, name: str) -> None:
    picture = tmp_path / name
    argv = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=c=red:s=301x1001", "-frames:v", "1", str(picture)]
    subprocess.run(argv, check=True, timeout=60)

    assert _made(picture, _FORM, tmp_path).slate is not None


def test_is_made_once(tmp_path: Path) -> None:
    first = _made(DEFAULT_PICTURE, _FORM, tmp_path).slate
    (kept,) = (tmp_path / "slates").glob("*.flv")
    made_at = kept.stat().st_ctime_ns
    content = kept.read_bytes()

    assert _made(DEFAULT_PICTURE, _FORM, tmp_path).slate == first
    assert (kept.read_bytes(), kept.stat().st_ctime_ns >= made_at) == (content, True)
    _made(DEFAULT_PICTURE, replace(_FORM, fps=30.0), tmp_path)
    assert len(list((tmp_path / "slates").glob("*.flv"))) == 2


def test_is_forgotten_when_many_others_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.media.slates._MOST_KEPT", 2)
    for width in (320, 336, 352):
        _made(DEFAULT_PICTURE, SlateForm(width, 180, 5.0, "high"), tmp_path)

    assert len(list((tmp_path / "slates").glob("*.flv"))) == 2


def test_is_of_our_own_picture_where_the_other_cannot_be_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    picture = tmp_path / "own.png"
    picture.write_bytes(b"no picture at all")

    order = _made(picture, _FORM, tmp_path)

    assert "no slate of own.png" in caplog.text
    assert order.slate == _made(DEFAULT_PICTURE, _FORM, tmp_path).slate


def test_fails_in_words_where_it_cannot_be_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "slates").write_text("no folder")

    order = _made(DEFAULT_PICTURE, _FORM, tmp_path)

    assert (order.has_failed, order.slate) == (True, None)
    assert "no slate of slate.png" in caplog.text


def test_is_used_although_there_is_no_room_to_keep_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with no_room(above=100):
        order = _made(DEFAULT_PICTURE, _FORM, tmp_path)

    assert order.slate is not None
    assert "slate not kept" in caplog.text


def test_is_made_anew_when_what_was_kept_is_broken(tmp_path: Path) -> None:
    _made(DEFAULT_PICTURE, _FORM, tmp_path)
    (kept,) = (tmp_path / "slates").glob("*.flv")
    kept.write_bytes(b"")

    assert _made(DEFAULT_PICTURE, _FORM, tmp_path).slate is not None


def test_leaves_nothing_behind_when_nobody_wants_it_any_more(tmp_path: Path) -> None:
    order = SlateOrder(DEFAULT_PICTURE, SlateForm(1920, 1080, 60.0, "high"), folder=tmp_path / "slates")
    order.cancel()

    assert not order._thread.is_alive()


def test_whose_picture_cannot_be_read_holds_nobody_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    picture = tmp_path / "never-read.png"
    os.mkfifo(picture)
    order = SlateOrder(picture, _FORM, folder=tmp_path / "slates")

    canceller = threading.Thread(target=order.cancel, daemon=True)
    canceller.start()
    canceller.join(HANG_S)

    assert not canceller.is_alive()
    assert "has not ended" in caplog.text
    picture.write_bytes(b"")
    wait_until(lambda: not order._thread.is_alive(), what="the end of the order")
