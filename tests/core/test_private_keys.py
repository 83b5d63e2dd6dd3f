"""The key that participants' tokens are signed with: made once, kept to ourselves."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.core.exceptions import ImproperlyConfigured

from livehub.core import env

NAME = "LIVEHUB_TRIED_KEYS"


@pytest.fixture(autouse=True)
def _undeclared() -> Iterator[None]:
    yield
    env.DECLARED.pop(NAME, None)


def _read(path: Path) -> str:
    return env.private_keys(NAME, path=path, purpose="Tried")


def test_is_made_at_the_first_start_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "keys.pem"

    first, second = _read(path), _read(path)

    assert first == second
    key = load_pem_private_key(first.encode(), password=None)
    assert isinstance(key, RSAPrivateKey)
    assert key.key_size >= 2048
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["keys.pem"]


def test_that_is_given_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = _read(tmp_path / "elsewhere.pem")
    monkeypatch.setenv(NAME, given)

    assert _read(tmp_path / "keys.pem") == given
    assert not (tmp_path / "keys.pem").exists()


def test_that_is_none_stops_the_start_without_repeating_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "hunter2")

    with pytest.raises(ImproperlyConfigured) as caught:
        _read(tmp_path / "keys.pem")
    assert "hunter2" not in str(caught.value)
