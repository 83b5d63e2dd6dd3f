"""The system checks, on machines that lack something."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.checks import CheckMessage, run_checks
from pytest_django import Settings

from livehub.checks import TAG
from tests.stack.whole import BASE_DIR

ANY_ADDRESS = "0.0.0.0"  # noqa: S104  # Compared, not bound.


def complaints() -> dict[str, CheckMessage]:
    return {message.msg: message for message in run_checks(tags=[TAG])}


@pytest.fixture(autouse=True)
def _private_instance(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


def put_program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_a_complete_machine_has_no_complaints() -> None:
    assert complaints() == {}


def test_missing_programs_are_named_with_their_package(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings.REDIS_URL = ""
    monkeypatch.setenv("PATH", str(tmp_path))

    found = complaints()

    assert found["ffmpeg is not installed."].hint == "As root: apt-get install ffmpeg"
    assert found["redis-server is not installed."].hint == "As root: apt-get install redis-server"


def test_an_external_redis_needs_no_redis_server(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings.REDIS_URL = "redis://redis.example:6379/0"
    monkeypatch.setenv("PATH", str(tmp_path))

    assert "redis-server is not installed." not in complaints()


def test_an_ffmpeg_without_x264_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    put_program(tmp_path, "ffmpeg", "echo ' A....D aac   AAC (Advanced Audio Coding)'")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    assert list(complaints()) == [f"{tmp_path}/ffmpeg was built without the encoder libx264."]


def test_secrets_that_others_can_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    key = tmp_path / "secrets" / "lookup_key"
    key.touch(mode=0o644)
    key.chmod(0o644)

    assert complaints()[f"Other users can read {key}."].hint == f"chmod go= {key}"


def test_a_data_folder_below_a_file_is_named(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch(mode=0o600)
    settings.DATA_DIR = tmp_path / "file" / "var"

    assert f"The data folder {settings.DATA_DIR} cannot be written to." in complaints()


@pytest.mark.parametrize(
    "given",
    [{}, {"LIVEHUB_PUBLIC_URL": "https://live.example.org", "LIVEHUB_TRUSTED_PROXIES": "127.0.0.1"}],
    ids=["as-it-comes", "behind-tls"],
)
def test_the_product_is_fit_to_be_deployed(tmp_path: Path, given: dict[str, str]) -> None:
    environment = {"PATH": os.environ["PATH"], "LIVEHUB_DATA_DIR": str(tmp_path), **given}
    argv = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]

    result = subprocess.run(argv, env=environment, cwd=BASE_DIR, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("http", "rtmp", "public_url", "is_warned"),
    [
        ("127.0.0.1", "127.0.0.1", "http://localhost:8000", False),
        ("127.0.0.1", ANY_ADDRESS, "http://localhost:8000", False),
        ("::1", "::", "http://localhost:8000", False),
        (ANY_ADDRESS, ANY_ADDRESS, "https://live.example.org", False),
        (ANY_ADDRESS, "127.0.0.1", "http://live.example.org", True),
        ("::", "::", "http://live.example.org", True),
        ("192.0.2.7", "127.0.0.1", "http://192.0.2.7:8000", True),
    ],
)
def test_plain_http_that_others_reach_is_warned_of(
    settings: Settings, http: str, rtmp: str, public_url: str, *, is_warned: bool
) -> None:
    settings.HTTP_BIND, settings.RTMP_BIND, settings.PUBLIC_URL = http, rtmp, public_url

    warnings = [message for message in complaints().values() if message.id == "livehub.W001"]

    assert bool(warnings) is is_warned
    assert all("LIVEHUB_HTTP_BIND=127.0.0.1" in (message.hint or "") for message in warnings)


@pytest.mark.parametrize(
    ("public_url", "proxies", "is_warned"),
    [
        ("http://localhost:8000", [], False),
        ("https://live.example.org", ["127.0.0.1/32"], False),
        ("https://live.example.org", [], True),
    ],
)
def test_a_proxy_whose_clients_are_all_one_is_warned_of(
    settings: Settings, public_url: str, proxies: list[str], *, is_warned: bool
) -> None:
    settings.PUBLIC_URL, settings.TRUSTED_PROXIES = public_url, proxies

    assert ("livehub.W003" in {message.id for message in complaints().values()}) is is_warned


@pytest.mark.parametrize("bind", ["HTTP_BIND", "RTMP_BIND"])
def test_root_on_a_machine_that_others_reach_is_warned_of(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, bind: str
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    setattr(settings, bind, ANY_ADDRESS)

    assert "livehub.W002" in {message.id for message in complaints().values()}


def test_the_start_shows_its_warnings_on_the_terminal(tmp_path: Path) -> None:
    """Of a run that ends soon: one port cannot serve two things."""
    ports = {"LIVEHUB_RTMP_PORT": "4000", "LIVEHUB_RTMPS_PORT": "4000"}
    environment = {**os.environ, "LIVEHUB_DATA_DIR": str(tmp_path / "var"), "LIVEHUB_HTTP_BIND": ANY_ADDRESS, **ports}

    argv = [sys.executable, "manage.py", "run"]
    result = subprocess.run(
        argv, cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=False, timeout=60
    )

    assert "Port 4000 is set by" in result.stderr
    assert f"Other machines reach plain HTTP on {ANY_ADDRESS}" in result.stderr
