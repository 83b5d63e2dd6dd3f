"""Self-tests on the wire, as `/v2` has them."""

from collections.abc import Mapping
from typing import ClassVar

from rest_framework import serializers

from livehub.api.dialect import JsonObject
from livehub.api.fields import InstantField
from livehub.core import clock
from streams.self_tests.models import SelfTest, Step
from streams.self_tests.states import SelfTestState, StepName, StepState


class SelfTestStepSerializer(serializers.Serializer[Step]):
    """One step of a self-test."""

    examples: ClassVar[Mapping[str, object]] = {
        "name": "first_part",
        "title": "The first part can be fetched",
        "state": "passed",
        "ms": 1240,
        "detail": "1630 ms after the encoder came; 41872 bytes",
        "advice": None,
    }

    name = serializers.ChoiceField(choices=StepName.choices)
    title = serializers.CharField(help_text="The same for people.")
    state = serializers.ChoiceField(choices=StepState.choices)
    ms = serializers.IntegerField(allow_null=True, help_text="How long it took; null before it is over.")
    detail = serializers.CharField(allow_null=True, help_text="What was seen, for people.")
    advice = serializers.CharField(allow_null=True, help_text="Of one that failed: what mends it.")

    def to_representation(self, step: Step) -> JsonObject:
        return {
            "name": step.name,
            "title": step.label,
            "state": step.state,
            "ms": step.ms,
            "detail": step.detail or None,
            "advice": step.advice or None,
        }


class SelfTestSerializer(serializers.Serializer[SelfTest]):
    """A broadcast of LiveHub's own through the whole chain, step by step."""

    examples: ClassVar[Mapping[str, object]] = {
        "node": "main",
        "state": "passed",
        "advice": None,
        "encoder_to_fetchable_ms": 240,
        "glass_to_fetchable_ms": 470,
        "carries_more": 5,
        "duration_ms": 11_800,
    }

    id = serializers.UUIDField()
    node = serializers.CharField(read_only=True, help_text="The machine that was tested.")
    state = serializers.ChoiceField(choices=SelfTestState.choices)
    advice = serializers.CharField(
        read_only=True, allow_null=True, help_text="The sentence that mends it; null where nothing is wrong."
    )
    steps = SelfTestStepSerializer(many=True)
    encoder_to_fetchable_ms = serializers.IntegerField(
        allow_null=True,
        help_text="How old the newest picture of a part was when that could be fetched, by the time drawn into it.",
    )
    glass_to_fetchable_ms = serializers.IntegerField(
        allow_null=True, help_text="The same of the oldest picture of that part, with which a player begins."
    )
    carries_more = serializers.IntegerField(
        allow_null=True,
        help_text="About how many more broadcasts like this one (720p30, 2.5 Mbit/s) the machine holds.",
    )
    duration_ms = serializers.IntegerField(allow_null=True)
    created_at = InstantField()
    finished_at = InstantField(allow_null=True)

    def to_representation(self, self_test: SelfTest) -> JsonObject:
        shape = SelfTestStepSerializer()
        return {
            "id": str(self_test.pk),
            "node": self_test.node,
            "state": self_test.state,
            "advice": self_test.advice or None,
            "steps": [shape.to_representation(step) for step in self_test.all_steps],
            "encoder_to_fetchable_ms": self_test.encoder_to_fetchable_ms,
            "glass_to_fetchable_ms": self_test.glass_to_fetchable_ms,
            "carries_more": self_test.carries_more,
            "duration_ms": self_test.duration_ms,
            "created_at": clock.isoformat(self_test.created_at),
            "finished_at": clock.isoformat(self_test.finished_at) if self_test.finished_at else None,
        }
