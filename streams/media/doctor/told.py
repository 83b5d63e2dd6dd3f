"""Findings in words, for people."""

from streams.media.doctor.kinds import FindingKind
from streams.media.doctor.rules import RULES

_MEGA = 1000


def value_words(kind: FindingKind, value: float) -> str:
    """Return a value with its unit, as people read it."""
    rule = RULES[kind]
    if rule.unit == "kbit/s" and value >= _MEGA:
        return f"{value / _MEGA:.1f} Mbit/s"
    number = f"{value:.{rule.digits}f}"
    number = number.rstrip("0").rstrip(".") if "." in number else number
    if rule.unit == "%":
        return f"{number} %"
    unit = rule.unit.removesuffix("s") if number == "1" and rule.unit in {"times", "frames"} else rule.unit
    return f"{number} {unit}"


def sentence(kind: FindingKind, value: float, *, detail: str = "") -> str:
    """Return what is wrong, for people."""
    return RULES[kind].says.format(value=value_words(kind, value), range=detail)


def mending(kind: FindingKind, *, detail: str = "") -> tuple[str, str]:
    """Return what to do about it in OBS, and in ffmpeg."""
    rule = RULES[kind]
    return rule.obs.format(range=detail), rule.ffmpeg.format(range=detail)
