"""Run a self-test and tell how each step went."""

import json
import time

from django.core.management.base import BaseCommand, CommandError, CommandParser

from livehub.core.errors import DomainError
from streams.organizations.services import SYSTEM, get_internal_app
from streams.self_tests import services
from streams.self_tests.api.serializers import SelfTestSerializer
from streams.self_tests.models import SelfTest, Step
from streams.self_tests.states import SelfTestState, StepState

_LOOK_S = 0.3


class Command(BaseCommand):
    # What they would refuse to begin for is what a step names.
    requires_system_checks = []
    help = (
        "Have a broadcast of LiveHub's own go through the whole chain of this machine, and print each step when it is "
        "over. Ends with exit code 1, and with what mends it, unless all of them pass."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print all of it at the end, as /v2/self-tests has it")

    def handle(self, *args: object, **options: object) -> None:
        try:
            # Nobody's in particular: whoever has a shell here runs the instance.
            made = services.start_self_test(organization=get_internal_app().organization, actor=SYSTEM)
        except DomainError as refusal:
            raise CommandError(refusal.message) from refusal
        self_test = self._follow(made, is_told=not options["json"])
        if options["json"]:
            self.stdout.write(json.dumps(SelfTestSerializer().to_representation(self_test), indent=2))
        if self_test.state != SelfTestState.PASSED:
            raise CommandError(f"{self_test.shown.label}. {self_test.advice}")
        if not options["json"]:
            self.stdout.write(f"Passed in {self_test.duration_ms} ms.")

    def _follow(self, self_test: SelfTest, *, is_told: bool) -> SelfTest:
        """Return it when it is over, which it is within a bound of its own."""
        told = set[str]()
        while True:
            services.end_abandoned()
            self_test.refresh_from_db()
            for step in self_test.all_steps:
                if is_told and step.name not in told and step.state in {StepState.PASSED, StepState.FAILED}:
                    told.add(step.name)
                    self.stdout.write(_line(step))
            if self_test.state != SelfTestState.RUNNING:
                return self_test
            time.sleep(_LOOK_S)


def _line(step: Step) -> str:
    return f"{step.shown.label:<7} {step.ms:>6} ms  {step.label}: {step.detail}"
