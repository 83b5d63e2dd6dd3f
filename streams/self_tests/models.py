"""What self-tests found."""

import uuid
from dataclasses import dataclass

from django.db import models
from django.db.models import Q

from livehub.core import clock
from streams.livestreams.models import Livestream
from streams.livestreams.states import Shown
from streams.self_tests.states import (
    BROKEN_OFF_ADVICE,
    SELF_TEST_STATES,
    STEP_STATES,
    SelfTestState,
    StepName,
    StepState,
)


@dataclass(frozen=True)
class Step:
    """One step: how it went, in how many milliseconds (None before it is over), what was seen, what mends it."""

    name: str
    state: str
    ms: int | None = None
    detail: str = ""
    advice: str = ""

    @property
    def label(self) -> str:
        return StepName(self.name).label

    @property
    def shown(self) -> Shown:
        return STEP_STATES[self.state]


class SelfTest(models.Model):
    """One run, of which there is one at a time; the oldest are forgotten.

    `until` is when nobody runs it any more who does not say so: a worker puts it off with every step.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    node = models.CharField(max_length=32, editable=False)
    state = models.CharField(
        max_length=16, choices=SelfTestState.choices, default=SelfTestState.RUNNING, editable=False
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)
    claimed_at = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)
    until = models.DateTimeField(editable=False)
    # Of each that has begun, in their order: name, state, ms, detail, advice.
    steps = models.JSONField(default=list, editable=False)
    # The throw-away one, which is deleted at the end.
    livestream = models.ForeignKey(Livestream, on_delete=models.SET_NULL, null=True, related_name="+", editable=False)
    # From drawing the newest and the oldest picture of a part until it could be fetched.
    encoder_to_fetchable_ms = models.PositiveIntegerField(null=True, editable=False)
    glass_to_fetchable_ms = models.PositiveIntegerField(null=True, editable=False)
    # How many more broadcasts like this one the machine carries.
    carries_more = models.PositiveIntegerField(null=True, editable=False)
    # What the webhooks' program has found in the outbox; None until it answers.
    is_in_outbox = models.BooleanField(null=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=Q(state=SelfTestState.RUNNING), name="self_test_one_at_a_time"
            ),
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="self_test_newest")]

    def __str__(self) -> str:
        return f"{self.state} {self.pk}"

    @property
    def shown(self) -> Shown:
        return SELF_TEST_STATES[self.state]

    @property
    def all_steps(self) -> list[Step]:
        """Every step, those that have not been come to as well."""
        done = {step["name"]: Step(**step) for step in self.steps}
        rest = StepState.WAITING if self.state == SelfTestState.RUNNING else StepState.SKIPPED
        return [done.get(name, Step(name, rest)) for name in StepName.values]

    @property
    def advice(self) -> str:
        """The sentence that mends it; empty for one that passed or is running."""
        if self.state == SelfTestState.BROKEN_OFF:
            return BROKEN_OFF_ADVICE
        return next((step["advice"] for step in self.steps if step["advice"]), "")

    @property
    def duration_ms(self) -> int | None:
        if self.finished_at is None:
            return None
        return round((self.finished_at - self.created_at).total_seconds() * 1000)
