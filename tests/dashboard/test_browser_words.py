"""Browsers by the names that people know."""

import pytest

from streams.templatetags.people import browser_words

_MAC = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.1 Safari/605.1.15"
)
_WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)
_PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "CriOS/142.0 Mobile/15E148 Safari/604.1"
)
_ANDROID = "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0"


@pytest.mark.parametrize(
    ("announced", "words"),
    [
        (_MAC, "Safari on macOS"),
        (_WINDOWS, "Chrome on Windows"),
        (f"{_WINDOWS} Edg/142.0.0.0", "Edge on Windows"),
        (f"{_WINDOWS} OPR/120.0.0.0", "Opera on Windows"),
        (_PHONE, "Chrome on iPhone"),
        (_ANDROID, "Firefox on Android"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Lynx/2.9 on Linux", "A browser on Linux"),
        ("curl/8.9", "Unknown browser"),
        ("", "Unknown browser"),
    ],
)
def test_browser_words(announced: str, words: str) -> None:
    assert browser_words(announced) == words
