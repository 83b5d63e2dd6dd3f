"""The life of a self-test: one at a time, ended whoever dies, and in nobody's way."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from pytest_django import DjangoCaptureOnCommitCallbacks as Capture
from pytest_django import Settings

from livehub.core import clock
from livehub.core.errors import NotFoundError
from streams.ingest.services import admit_encoder
from streams.livestreams import leases
from streams.livestreams.services import create_livestream
from streams.models import AuditEntry, Livestream, SelfTest, Session
from streams.organizations.quotas import quotas_of
from streams.organizations.selectors import find_membership, is_alone
from streams.organizations.services import SYSTEM, NewOrganization
from streams.self_tests import services
from streams.self_tests.models import Step
from streams.self_tests.services import SelfTestRefusedError, start_self_test
from streams.self_tests.states import STEP_RULES, TOTAL_S, SelfTestState, StepName, StepState
from tests.conftest import Broker
from tests.runs import ENCODER, claimed, connected
from webhooks import self_tests as webhooks_self_tests
from webhooks.models import Event


def _start(home: NewOrganization) -> SelfTest:
    return start_self_test(organization=home.organization, actor=SYSTEM)


def _claimed(home: NewOrganization) -> SelfTest:
    found = services.claim(_start(home).pk)
    assert found is not None
    return found


def _state(self_test: SelfTest) -> str:
    return SelfTest.objects.get(pk=self_test.pk).state


class TestStart:
    def test_calls_a_worker_of_this_machine_and_says_who_wanted_it(
        self, home: NewOrganization, broker: Broker, capture: Capture
    ) -> None:
        with capture(execute=True):
            self_test = _start(home)

        assert broker.arguments == [("streams.run_self_test", {"self_test_id": str(self_test.pk)})]
        # The one that takes no broadcasts and is never busy, of the machine that is tested.
        assert broker.queues == [("streams.run_self_test", "urgent.main")]
        assert AuditEntry.objects.filter(action="self_test.started", organization=home.organization).count() == 1

    def test_is_refused_while_one_is_running(self, home: NewOrganization) -> None:
        _start(home)

        with pytest.raises(SelfTestRefusedError, match="A self-test is running"):
            _start(home)

    def test_is_refused_in_words_when_the_places_are_taken(self, home: NewOrganization, settings: Settings) -> None:
        settings.LIVE_SLOTS = 2
        for name in ("one", "two"):
            connected(create_livestream(app=home.app, name=name, actor=SYSTEM))

        with pytest.raises(SelfTestRefusedError, match=r"All 2 places .* End a broadcast, or wait"):
            _start(home)

        assert not SelfTest.objects.exists()

    def test_takes_a_place_of_its_own_machine_alone(self, home: NewOrganization, settings: Settings) -> None:
        settings.LIVE_SLOTS = 1
        elsewhere = replace(ENCODER, node="elsewhere")
        connected(create_livestream(app=home.app, name="one", actor=SYSTEM), encoder=elsewhere)

        assert _state(_start(home)) == "running"

    def test_keeps_the_newest_fifty(self, home: NewOrganization) -> None:
        past = clock.now() - timedelta(days=1)
        SelfTest.objects.bulk_create(
            SelfTest(node="main", state=SelfTestState.PASSED, created_at=past, until=past) for _ in range(52)
        )

        newest = _start(home)

        assert SelfTest.objects.count() == 50
        assert SelfTest.objects.filter(pk=newest.pk).exists()


class TestLife:
    def test_is_claimed_once_with_a_livestream_of_nobodys(self, home: NewOrganization) -> None:
        before = quotas_of(home.organization).sessions
        self_test = _claimed(home)

        assert services.claim(self_test.pk) is None
        assert self_test.livestream is not None
        assert self_test.livestream.app.organization.is_internal
        assert not Livestream.objects.for_organization(home.organization).exists()
        # Whoever is alone on the instance still is.
        assert is_alone(home.organization)
        assert quotas_of(home.organization).sessions == before
        member = find_membership(home.owner)
        assert member is not None
        assert member.can_see_system

    def test_what_its_encoder_sends_is_not_recorded(self, home: NewOrganization) -> None:
        self_test = _claimed(home)
        assert self_test.livestream is not None

        admit_encoder(name=services.give_key(self_test.livestream), args={}, encoder=ENCODER)

        assert Session.objects.get(livestream=self_test.livestream).is_of_test_picture()

    def test_ends_as_its_steps_say(self, home: NewOrganization) -> None:
        passing = _claimed(home)
        services.note_step(passing, Step(StepName.ENCODER, StepState.PASSED, 120, "fine"))
        services.finish(passing)
        failing = _claimed(home)
        services.note_step(failing, Step(StepName.ENCODER, StepState.RUNNING))
        services.note_step(failing, Step(StepName.ENCODER, StepState.FAILED, 9, "none", "Install ffmpeg."))
        services.finish(failing)

        assert _state(passing) == "passed"
        found = SelfTest.objects.get(pk=failing.pk)
        assert (found.state, found.advice) == ("failed", "Install ffmpeg.")
        states = {step.name: step.state for step in found.all_steps}
        assert list(states) == StepName.values
        assert states["encoder"] == "failed"
        assert {state for name, state in states.items() if name != "encoder"} == {"skipped"}

    def test_that_nobody_runs_is_broken_off_and_leaves_nothing(self, home: NewOrganization) -> None:
        lost = _claimed(home)
        assert lost.livestream is not None
        services.note_step(lost, Step(StepName.INGEST, StepState.RUNNING))
        connected(lost.livestream)
        services.end_abandoned()
        assert _state(lost) == "running"
        SelfTest.objects.update(until=clock.now() - timedelta(seconds=1))

        services.end_abandoned()

        assert _state(lost) == "broken_off"
        assert "urgent worker" in SelfTest.objects.get(pk=lost.pk).advice
        assert not Livestream.objects.existing().filter(pk=lost.livestream.pk).exists()
        assert not Session.objects.open().exists()
        # Who has run it after all writes nothing any more.
        with pytest.raises(NotFoundError):
            services.note_step(lost, Step(StepName.INGEST, StepState.PASSED, 1))
        services.finish(lost)
        assert _state(lost) == "broken_off"

    def test_that_no_worker_takes_makes_way_for_the_next(self, home: NewOrganization) -> None:
        waiting = _start(home)
        SelfTest.objects.update(until=clock.now() - timedelta(seconds=1))

        _start(home)

        assert _state(waiting) == "broken_off"
        assert services.claim(waiting.pk) is None


class TestTime:
    @pytest.mark.parametrize(("made_ago_s", "at_least_s", "at_most_s"), [(8, 11, 18), (3_600, 11, 11), (-60, 26, 26)])
    def test_waiting_for_a_worker_is_part_of_it(
        self, home: NewOrganization, made_ago_s: int, at_least_s: float, at_most_s: float
    ) -> None:
        self_test = _start(home)
        self_test.created_at = clock.now() - timedelta(seconds=made_ago_s)

        assert at_least_s <= services.time_left_s(self_test) <= at_most_s


class TestWebhooks:
    def test_the_outbox_has_the_event_or_has_not(self, home: NewOrganization) -> None:
        self_test = _claimed(home)
        assert self_test.livestream is not None

        webhooks_self_tests.answer(self_test.pk)
        assert SelfTest.objects.get(pk=self_test.pk).is_in_outbox is False

        session = connected(self_test.livestream)
        leases.mark_live(claimed(session))
        webhooks_self_tests.answer(self_test.pk)
        assert SelfTest.objects.get(pk=self_test.pk).is_in_outbox is True
        assert not Event.objects.filter(app=home.app, type__startswith="livestream.").exists()


def test_every_step_has_its_bound_and_its_sentence() -> None:
    assert list(STEP_RULES) == StepName.values
    assert all(rule.advice.endswith(".") for rule in STEP_RULES.values())
    # The clean-up has its time after that of the others.
    assert TOTAL_S + STEP_RULES[StepName.CLEAN_UP].bound_s <= 30
    assert django_settings.CELERY_BEAT_SCHEDULE["sweep-self-tests"]["task"] == "streams.sweep_self_tests"
