"""The product's own encoder."""

import socket
import time

import psutil
import pytest

from streams.media import test_picture
from streams.media.test_picture import argv_for_people, publish, publish_argv


def test_the_name_it_publishes_under_is_in_no_url() -> None:
    argv = publish_argv(base_url="rtmp://127.0.0.1:1935/live/", name="sk_secret", length_s=60)

    assert argv[-1] == "rtmp://127.0.0.1:1935/live"
    assert [word for word in argv if "sk_secret" in word] == ["sk_secret"]


def test_people_need_no_file_for_theirs() -> None:
    argv = argv_for_people("rtmp://localhost/live/")

    inputs = [argv[index - 1 : index + 2] for index, word in enumerate(argv) if word == "-i"]
    assert [words[0] for words in inputs] == ["lavfi", "lavfi"]
    assert argv[-1] == "rtmp://localhost/live/"


def test_one_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_picture, "_PATIENCE_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began_at = time.monotonic()

        publish(base_url=f"rtmp://127.0.0.1:{silent.getsockname()[1]}/live/", name="x", length_s=0.5, label="hung")

        assert time.monotonic() - began_at < 10
    assert [child for child in psutil.Process().children() if child.name() == "ffmpeg"] == []


def test_one_that_nobody_takes_ends_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    began_at = time.monotonic()

    publish(base_url=f"rtmp://127.0.0.1:{port}/live/", name="x", length_s=60, label="refused")

    assert time.monotonic() - began_at < 10
