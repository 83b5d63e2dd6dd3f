"""From signs to findings: raised after a hold, cleared after clean windows, and causes hide their effects."""

from collections.abc import Mapping
from dataclasses import dataclass

from streams.media.doctor.kinds import FindingKind, Severity
from streams.media.doctor.rules import RULES
from streams.media.doctor.sign import Sign

# What comes back again and again has to stay away for longer each time, up to a minute.
_MOST_CLEAN = 30


@dataclass(frozen=True)
class IngestFault:
    """`since_ms` is when it began, by the clock of arrivals; None for one that another run has found."""

    kind: FindingKind
    severity: Severity
    value: float
    detail: str = ""
    since_ms: float | None = None


@dataclass
class _Course:
    """How one kind goes."""

    bad: int = 0
    clean: int = 0
    times: int = 0
    since_ms: float | None = None
    finding: IngestFault | None = None


class Judgement:
    """Takes in the signs of one window after the other; what is not among them is not known, and changes nothing."""

    def __init__(self, *, is_low: bool, known: tuple[IngestFault, ...] = ()) -> None:
        self._is_low = is_low
        self._courses = {kind: _Course() for kind in RULES}
        for finding in known:
            self._courses[finding.kind].finding = finding

    @property
    def findings(self) -> tuple[IngestFault, ...]:
        """What holds now, the worst first."""
        found = [course.finding for course in self._courses.values() if course.finding is not None]
        return tuple(sorted(found, key=lambda finding: (-finding.severity, list(FindingKind).index(finding.kind))))

    def take(self, signs: Mapping[FindingKind, Sign], *, began_ms: float) -> None:
        """Judge by a window that began then."""
        graded = {kind: RULES[kind].grades_of(is_low=self._is_low).of(sign.graded) for kind, sign in signs.items()}
        hidden = {effect for kind, severity in graded.items() if severity for effect in RULES[kind].hides}
        hidden |= {effect for kind, course in self._courses.items() if course.finding for effect in RULES[kind].hides}
        # What is hidden is often not known either, and goes all the same: it would stay for as long as its cause.
        for kind in {*graded, *hidden}:
            severity = graded.get(kind)
            if severity is None or kind in hidden:
                self._note_clean(kind)
            else:
                self._note_bad(kind, severity, signs[kind], began_ms=began_ms)

    def _note_bad(self, kind: FindingKind, severity: Severity, sign: Sign, *, began_ms: float) -> None:
        course = self._courses[kind]
        course.clean = 0
        course.bad += 1
        course.since_ms = began_ms if course.since_ms is None else course.since_ms
        if course.finding is None and course.bad < RULES[kind].hold:
            return
        before = course.finding
        if before is None:
            course.times += 1
        since_ms = course.since_ms if before is None else before.since_ms
        course.finding = IngestFault(kind, severity, sign.value, sign.detail, since_ms)

    def _note_clean(self, kind: FindingKind) -> None:
        course = self._courses[kind]
        course.bad, course.clean = 0, course.clean + 1
        # However often it has come, the first time is not held against it.
        needed = min(RULES[kind].clears << max(0, course.times - 1), _MOST_CLEAN)
        if course.finding is None or course.clean >= needed:
            course.finding, course.since_ms = None, None
