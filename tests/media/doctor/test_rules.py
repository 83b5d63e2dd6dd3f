"""The rules are whole, and docs/ingest-doctor.md says what they say."""

from dataclasses import asdict
from pathlib import Path

import pytest

from streams.media.doctor.kinds import FindingKind, Severity
from streams.media.doctor.rule import Grades, Rule
from streams.media.doctor.rules import RULES
from streams.media.doctor.sizes import Range, usual_range
from streams.media.doctor.told import mending, sentence, value_words

_DOCS = Path(__file__).resolve().parents[3] / "docs" / "ingest-doctor.md"


def test_there_is_one_for_each_kind() -> None:
    assert set(RULES) == set(FindingKind)


@pytest.mark.parametrize("kind", FindingKind)
def test_the_docs_name_it_with_its_source_and_what_mends_it(kind: FindingKind) -> None:
    text = _DOCS.read_text()
    rule = RULES[kind]

    (row,) = [line for line in text.splitlines() if line.startswith(f"| `{kind}` |")]
    cells = [cell.strip() for cell in row.strip("|").split(" | ")]
    assert (cells[1], cells[2]) == (_in_words(rule), rule.unit)
    assert rule.source in row
    assert f"| {rule.hold * 2} s |" in row
    for effect in rule.hides:
        assert f"`{effect}`" in row
    below = text.partition(f"\n### `{kind}`\n")[2].partition("\n### ")[0]
    obs, ffmpeg = mending(kind, detail="*the usual range*")
    assert f"OBS: {obs}\n" in below
    assert f"ffmpeg: {ffmpeg}\n" in below


def _in_words(rule: Rule) -> str:
    """Return from where on its severities are, as the documentation says it."""

    def said(grades: Grades) -> str:
        known = {name: value for name, value in asdict(grades).items() if value is not None}
        return ", ".join(f"{name} {value:g}" for name, value in known.items()) or "never"

    low = f"; low latency: {said(rule.low_grades)}" if rule.low_grades else ""
    return f"{said(rule.grades)}{low}"


@pytest.mark.parametrize(
    ("value", "severity"),
    [(0.4, None), (0.5, Severity.INFO), (1.0, Severity.WARNING), (4.9, Severity.WARNING), (5.0, Severity.ERROR)],
)
def test_grades_begin_at_their_values(value: float, severity: Severity | None) -> None:
    assert Grades(info=0.5, warning=1, error=5).of(value) == severity


def test_who_sends_just_what_is_recommended_is_told_nothing() -> None:
    """Measured over ten seconds, a constant bitrate is now above, now below what it was set to."""
    for kind in (FindingKind.BITRATE_LOW, FindingKind.BITRATE_HIGH):
        assert [RULES[kind].grades.of(beyond) for beyond in (1.0, 1.03, 1.1)] == [None, None, Severity.INFO]


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        (FindingKind.KEYFRAME_INTERVAL, 8.3, "8.3 s"),
        (FindingKind.KEYFRAME_INTERVAL, 10.0, "10 s"),
        (FindingKind.FRAMES_MISSING, 1.25, "1.2 %"),
        (FindingKind.BITRATE_HIGH, 9_412, "9.4 Mbit/s"),
        (FindingKind.BITRATE_LOW, 412, "412 kbit/s"),
        (FindingKind.PARAMETERS_CHANGED, 1, "1 time"),
        (FindingKind.TIMESTAMPS_BACK, 3, "3 times"),
        (FindingKind.CLOCK_DRIFT, -310, "-310 ppm"),
    ],
)
def test_values_in_words(kind: FindingKind, value: float, words: str) -> None:
    assert value_words(kind, value) == words
    assert words in sentence(kind, value)


@pytest.mark.parametrize(
    ("lines", "fps", "usual"),
    [
        (1080, 30, Range(3_000, 8_000)),
        (1080, 60, Range(4_000, 10_000)),
        (900, 30, Range(1_500, 4_000)),
        (180, 30, None),
        (0, 30, None),
    ],
)
def test_usual_bitrates_are_those_of_the_size(lines: int, fps: float, usual: Range | None) -> None:
    assert usual_range(lines=lines, fps=fps) == usual
