"""What a rule is made of."""

from dataclasses import dataclass

from streams.media.doctor.kinds import FindingKind, Severity


@dataclass(frozen=True)
class Grades:
    """From which value on a sign is of which severity; None for never."""

    info: float | None = None
    warning: float | None = None
    error: float | None = None

    def of(self, value: float) -> Severity | None:
        """Return the severity of a value, None for one that is good."""
        for severity, least in ((Severity.ERROR, self.error), (Severity.WARNING, self.warning)):
            if least is not None and value >= least:
                return severity
        return Severity.INFO if self.info is not None and value >= self.info else None


@dataclass(frozen=True)
class Rule:
    """`says` has a place for the value with its unit. `hold` and `clears` are windows in a row; `hides` its effects."""

    grades: Grades
    unit: str
    source: str
    says: str
    obs: str
    ffmpeg: str
    # Where another one holds for broadcasts of low latency.
    low_grades: Grades | None = None
    hold: int = 1
    clears: int = 3
    hides: frozenset[FindingKind] = frozenset()
    # How many digits of the value say something.
    digits: int = 1

    def grades_of(self, *, is_low: bool) -> Grades:
        return self.low_grades if is_low and self.low_grades is not None else self.grades
