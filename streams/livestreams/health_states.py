"""How bad what was found of an encoder is, and how good it makes the whole."""

from collections.abc import Iterable, Mapping

from django.db import models

from streams.livestreams.states import Shown


class FindingSeverity(models.TextChoices):
    """How bad a finding is; `streams.media.doctor` has the same words."""

    INFO = "info", "Note"
    WARNING = "warning", "Warning"
    ERROR = "error", "Error"


class IngestHealth(models.TextChoices):
    """How good what an encoder sends is, by the worst finding."""

    GOOD = "good", "Good"
    # Some viewers notice.
    OK = "ok", "Has faults"
    BAD = "bad", "Bad"
    # Nobody sends, or has ever.
    NO_DATA = "no_data", "Not known"


FINDING_STATES: Mapping[str, Shown] = {
    severity: Shown(severity.value, severity.label, tone)
    for severity, tone in {
        FindingSeverity.INFO: "",
        FindingSeverity.WARNING: "warn",
        FindingSeverity.ERROR: "bad",
    }.items()
}


def health_of(severities: Iterable[str]) -> IngestHealth:
    """Return how good it is what findings of these severities hold of."""
    found = set(severities)
    if FindingSeverity.ERROR in found:
        return IngestHealth.BAD
    return IngestHealth.OK if FindingSeverity.WARNING in found else IngestHealth.GOOD
