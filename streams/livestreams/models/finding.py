"""What was found wrong with what an encoder sends."""

from datetime import datetime

from django.db import models
from django.db.models import Q

from streams.livestreams.health_states import FINDING_STATES, FindingSeverity
from streams.livestreams.models.session import Session
from streams.livestreams.states import Shown
from streams.media.doctor.kinds import FindingKind
from streams.media.doctor.rules import RULES
from streams.media.doctor.told import mending, sentence, value_words


class FindingQuerySet(models.QuerySet["IngestFinding"]):
    def holding(self) -> "FindingQuerySet":
        """Keep what was not mended, if only because the broadcast is over; of kinds that there are in this version."""
        return self.filter(cleared_at=None, kind__in=list(FindingKind))


class IngestFinding(models.Model):
    """One fault of what an encoder sends in a session; of each kind one holds at a time."""

    id = models.BigAutoField(primary_key=True)
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="findings")
    kind = models.CharField(max_length=32)
    severity = models.CharField(max_length=8, choices=FindingSeverity.choices)
    # In the unit of its rule, as it was measured last.
    value = models.FloatField()
    # What its sentence needs beside the value: which bitrates are usual.
    detail = models.CharField(max_length=64, blank=True)
    since = models.DateTimeField()
    measured_at = models.DateTimeField()
    cleared_at = models.DateTimeField(null=True)

    objects = FindingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["session", "kind"], condition=Q(cleared_at=None), name="finding_one_of_a_kind_holds"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.severity}: {self.message}"

    @property
    def of_kind(self) -> FindingKind:
        return FindingKind(self.kind)

    @property
    def unit(self) -> str:
        return RULES[self.of_kind].unit

    @property
    def value_words(self) -> str:
        return value_words(self.of_kind, self.value)

    @property
    def message(self) -> str:
        """What is wrong, in a sentence."""
        return sentence(self.of_kind, self.value, detail=self.detail)

    @property
    def fix_obs(self) -> str:
        return mending(self.of_kind, detail=self.detail)[0]

    @property
    def fix_ffmpeg(self) -> str:
        return mending(self.of_kind, detail=self.detail)[1]

    @property
    def source(self) -> str:
        """Whose the threshold is."""
        return RULES[self.of_kind].source

    @property
    def ended_at(self) -> datetime | None:
        """When it was mended, or the broadcast was over; None while it holds."""
        return self.cleared_at or self.session.stopped_at

    @property
    def shown(self) -> Shown:
        return FINDING_STATES[self.severity]
