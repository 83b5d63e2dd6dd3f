"""How numbers and names are written, and which words are not."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from streams.templatetags.dashboard import (
    audio_words,
    bitrate,
    codec,
    compact,
    duration,
    rendition_words,
    short_time,
    software,
    video_words,
)

_BASE = Path(settings.BASE_DIR)


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0 s"),
        (59_999, "59 s"),
        (200_000, "3 min 20 s"),
        (7_620_000, "2 h 07 min"),
        (360_000_000, "100 h 00 min"),
        (8_874_120_000, "2,465 h"),
    ],
)
def test_duration(milliseconds: int, text: str) -> None:
    assert duration(milliseconds) == text


@pytest.mark.parametrize(
    ("announced", "name"),
    [
        ("FMLE/3.0 (compatible; Lavf59.27.100)", "ffmpeg (Lavf59.27.100)"),
        ("FMLE/3.0 (compatible; Lavf59.27", "ffmpeg (Lavf59.27)"),
        ("FMLE/3.0 (compatible; FMSc/1.0)", "FMSc/1.0"),
        ("OBS 31 (Linux)", "OBS 31 (Linux)"),
        ("", "Unknown software"),
    ],
)
def test_software(announced: str, name: str) -> None:
    assert software(announced) == name


@pytest.mark.parametrize(
    ("source", "picture", "sound"),
    [
        ({"video_codec": "h264"}, "H.264", "none"),
        (
            {"video_codec": "h264", "profile": "High", "width": 1280, "height": 720, "audio_codec": "aac"},
            "H.264 High, 1280\u00d7720",
            "AAC",
        ),
        (
            {"video_codec": "hevc", "audio_codec": "aac", "audio_channels": 2, "sample_rate": 44100},
            "HEVC",
            "AAC, stereo, 44.1 kHz",
        ),
    ],
)
def test_source(source: dict[str, object], picture: str, sound: str) -> None:
    assert (video_words(source), audio_words(source)) == (picture, sound)


@pytest.mark.parametrize(
    ("rendition", "text"),
    [
        ({"name": "720p", "kind": "copy", "height": 720, "video_kbps": 2870}, "720p, as sent"),
        ({"name": "480p", "kind": "video", "height": 480, "video_kbps": 1200}, "480p, 1.2 Mbit/s"),
        ({"name": "main"}, "main"),
        ({"kind": "audio", "audio_kbps": 128}, "Audio 128 kbit/s"),
        ({"kind": "audio"}, "Audio"),
    ],
)
def test_rendition(rendition: dict[str, object], text: str) -> None:
    assert rendition_words(rendition) == text


def test_units() -> None:
    assert [bitrate(128), bitrate(999), bitrate(2870)] == ["128 kbit/s", "999 kbit/s", "2.9 Mbit/s"]
    assert [compact(30.0), compact(29.97), compact(2.5)] == ["30", "29.97", "2.5"]
    assert [short_time(0), short_time(4), short_time(350), short_time(1_200)] == ["1 ms", "4 ms", "350 ms", "1.2 s"]
    assert [codec("h264"), codec("vp8")] == ["H.264", "VP8"]


# Permission is no "may", nobody stands above anybody, and whoever reads a page cannot set a setting.
_UNKIND = re.compile(r"\bmay\b|stands? above|mind capitals|LIVEHUB_\w+|\blease\b|\bepoch\b", re.IGNORECASE)
_PYTHON = ("streams/account", "streams/dashboard", "streams/identity", "streams/ingest", "streams/livestreams",
           "streams/meetings", "streams/organizations", "streams/recordings", "streams/self_tests", "streams/system",
           "streams/templatetags")  # fmt: skip
# What only programs, their makers and whoever starts LiveHub read.
_FOR_MAKERS = ("/api/", "/models/", "/tokens.py", "/renewals.py")


def _template_texts(path: Path) -> Iterator[str]:
    """Yield what a page shows of a template, and the words that tags hand to others, such as legends."""
    source = re.sub(r"{#.*?#}", "", path.read_text())
    tags = " ".join(re.findall(r"{%.*?%}", source))
    yield from re.findall(r'"([^"]* [^"]*)"', tags)
    yield from re.findall(r'(?:title|alt|placeholder|aria-label)="([^"]*)"', source)
    yield re.sub(r"<[^>]*>", " ", re.sub(r"{%.*?%}|{{.*?}}", " ", source))


def _python_texts(path: Path) -> Iterator[str]:
    """Yield what code can say: every text of more than a word, but for docstrings and the log."""
    tree = ast.parse(path.read_text())
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and ast.unparse(call.func).startswith("logger."):
            silent |= {id(node) for node in ast.walk(call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            yield node.value


def _texts() -> Iterator[tuple[Path, str]]:
    for path in (_BASE / "templates").rglob("*.html"):
        yield from ((path, text) for text in _template_texts(path))
    for path in [path for folder in _PYTHON for path in (_BASE / folder).rglob("*.py")]:
        if not any(part in str(path) for part in _FOR_MAKERS):
            yield from ((path, text) for text in _python_texts(path) if " " in text.strip())


def test_nobody_is_told_what_they_may_or_which_setting_to_change() -> None:
    texts = list(_texts())

    assert len(texts) > 500
    assert [(path.name, text) for path, text in texts if _UNKIND.search(text)] == []


@pytest.mark.parametrize("text", ["Your role may watch only.", "They stand above you.", "Raise LIVEHUB_LIVE_SLOTS."])
def test_such_words_are_found(text: str, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(f"<p>{{% if member %}}{text}{{% endif %}}</p>")
    (tmp_path / "code.py").write_text(f'"""It may."""\nlogger.info("may be")\nsaid = "{text}"\n')

    assert any(_UNKIND.search(found) for found in _template_texts(tmp_path / "page.html"))
    assert [found for found in _python_texts(tmp_path / "code.py") if _UNKIND.search(found)] == [text]


def test_a_name_stands_in_its_own_direction_wherever_it_is_shown() -> None:
    """A name in Arabic must not turn the sentence around it; in titles and attributes there is no telling."""
    names = r"livestream|meeting|participant|preset|organization|key\.name|user\.name"
    shown = re.compile(r"{{ *((?:[a-z_]+\.)*(?:" + names + r")(?:\|[^}]*)?) *}}")
    bare = []
    for path in (_BASE / "templates" / "streams").glob("*.html"):
        source = re.sub(r"{% block title %}.*?{% endblock %}", "", path.read_text())
        for match in shown.finditer(source):
            before = source[: match.start()]
            if re.search(r"<[^<>]*$", before):
                continue  # An attribute.
            opening = re.search(r"<(\w+)([^<>]*)>[^<>]*$", before)
            if not opening or not (opening[1] == "bdi" or 'dir="auto"' in opening[2] or "hide" in opening[2]):
                bare.append(f"{path.name}: {match[0]}")

    assert bare == []
