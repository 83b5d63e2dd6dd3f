"""Links that only we can have written, each for one purpose."""

from uuid import UUID, uuid4

import pytest
from django.conf import LazySettings

from livehub.core.links import LinkUnusableError, link_to, read_token, token_for

ROW = UUID("5cf7d0a1-3a4e-4a86-9c5a-1d1d7f2b8a10")


def test_name_the_row() -> None:
    assert read_token(token_for(ROW, purpose="invitation"), purpose="invitation") == ROW


def test_open_nothing_of_another_purpose() -> None:
    with pytest.raises(LinkUnusableError):
        read_token(token_for(ROW, purpose="invitation"), purpose="password-reset")


def test_are_written_with_our_key_only(settings: LazySettings) -> None:
    token = token_for(ROW, purpose="invitation")
    settings.SECRET_KEY = "another"

    with pytest.raises(LinkUnusableError):
        read_token(token, purpose="invitation")


@pytest.mark.parametrize("made_up", ["", ":", "x", f"{ROW.hex}:", "\x00", "not-a-row:signature"])
def test_cannot_be_made_up(made_up: str) -> None:
    with pytest.raises(LinkUnusableError):
        read_token(made_up, purpose="invitation")


def test_of_another_row_have_another_signature() -> None:
    signature = token_for(ROW, purpose="invitation").partition(":")[2]

    with pytest.raises(LinkUnusableError):
        read_token(f"{uuid4().hex}:{signature}", purpose="invitation")


def test_carry_it_where_no_log_keeps_it(settings: LazySettings) -> None:
    settings.PUBLIC_URL = "https://live.example.org"

    assert link_to("/invitation", token="a:b") == "https://live.example.org/invitation?token=a%3Ab"
