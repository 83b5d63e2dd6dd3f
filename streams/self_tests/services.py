"""The life of a self-test: asked for, claimed by a worker, ended once, whoever dies."""

from dataclasses import asdict
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from livehub.core import clock, crypto, jobs
from livehub.core.errors import DomainError, NotFoundError
from livehub.core.jobs import queue_of
from streams.livestreams.models import Livestream
from streams.livestreams.selectors import list_loads
from streams.livestreams.services import create_livestream, delete_livestream
from streams.livestreams.states import WhileEncoderAway
from streams.livestreams.stream_keys import give_test_picture_key
from streams.organizations.models import Organization
from streams.organizations.selectors import is_alone
from streams.organizations.services import SYSTEM, Actor, get_internal_app, record
from streams.self_tests.models import SelfTest, Step
from streams.self_tests.states import TOTAL_S, SelfTestState, StepState

# A worker begins within a second; after this long none has come.
_BEGIN = timedelta(seconds=15)
# Longer than any step may take.
_PATIENCE = timedelta(seconds=20)
_KEY_LIFETIME = timedelta(seconds=TOTAL_S + 10)
_MOST_KEPT = 50
# Any number that nothing else locks: of those who ask at once one is first.
_START_LOCK = 7_102


class SelfTestRefusedError(DomainError):
    """One is running, or there is no place for its broadcast."""

    code = "self_test_refused"
    http_status = 409


class SelfTestForbiddenError(DomainError):
    """It concerns the whole instance, which others use as well."""

    code = "forbidden"
    http_status = 403


def check_instance_is_own(organization: Organization) -> None:
    """Let programs of an only organization pass.

    :raises SelfTestForbiddenError: when the instance has others too: it is their machine as well.
    """
    if not is_alone(organization):
        raise SelfTestForbiddenError(
            "Self-tests concern the whole instance, which several organizations use. Its support staff runs them on "
            "the System page, and whoever has a shell on its machine by manage.py self_test."
        )


@transaction.atomic
def start_self_test(*, organization: Organization, actor: Actor) -> SelfTest:
    """Have a worker of this machine run one, and return it; it is over within half a minute.

    :raises SelfTestRefusedError: when one is running, or all places for broadcasts are taken.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_START_LOCK])
    end_abandoned()
    if SelfTest.objects.filter(state=SelfTestState.RUNNING).exists():
        raise SelfTestRefusedError("A self-test is running. It is over within half a minute: then start another one.")
    taken = sum(load.running + load.waiting for load in list_loads() if load.node == settings.NODE)
    if taken >= settings.LIVE_SLOTS:
        raise SelfTestRefusedError(
            f"All {settings.LIVE_SLOTS} places for broadcasts are taken, and the self-test needs one. "
            "End a broadcast, or wait until one is over."
        )
    self_test = SelfTest.objects.create(node=settings.NODE, until=clock.now() + _BEGIN)
    kept = SelfTest.objects.order_by("-created_at", "-id").values("pk")[:_MOST_KEPT]
    SelfTest.objects.exclude(pk__in=list(kept.values_list("pk", flat=True))).delete()
    record(organization=organization, actor=actor, action="self_test.started", target=self_test)
    queue = queue_of("urgent", node=settings.NODE)
    jobs.enqueue("streams.run_self_test", queue=queue, self_test_id=self_test.pk)
    return self_test


@transaction.atomic
def claim(self_test_id: UUID) -> SelfTest | None:
    """Return the self-test for whoever runs it, with its livestream; None when nobody is to run it (any more)."""
    waiting = SelfTest.objects.select_for_update().filter(state=SelfTestState.RUNNING, claimed_at=None)
    self_test = waiting.filter(pk=self_test_id, until__gt=clock.now()).first()
    if self_test is None:
        return None
    # Ends with its encoder, at once; in an organization that nobody sees, so that it is in nobody's lists, quotas and
    # webhooks.
    self_test.livestream = create_livestream(
        app=get_internal_app(),
        name="Self-test",
        actor=SYSTEM,
        reconnect_window_s=0,
        while_away=WhileEncoderAway.NOTHING.value,
    )
    self_test.claimed_at, self_test.until = clock.now(), clock.now() + _PATIENCE
    self_test.save()
    return self_test


def time_left_s(self_test: SelfTest) -> float:
    """Return in how many seconds its steps have to be over: who asked for it waits since it was made."""
    waited_s = (clock.now() - self_test.created_at).total_seconds()
    # The clock may have jumped meanwhile.
    return TOTAL_S - min(max(waited_s, 0.0), _BEGIN.total_seconds())


def give_key(livestream: Livestream) -> str:
    """Return what our encoder publishes with: one that runs out by itself, and whose broadcasts are not recorded."""
    key = give_test_picture_key(livestream, lifetime=_KEY_LIFETIME)
    return crypto.decrypt(key.encrypted)


def note_step(self_test: SelfTest, step: Step, **found: int | None) -> None:
    """Write down how a step goes, and what it has found.

    :raises NotFoundError: when the self-test has been broken off meanwhile.
    """
    steps = [done for done in self_test.steps if done["name"] != step.name]
    self_test.steps = [*steps, asdict(step)]
    self_test.until = clock.now() + _PATIENCE
    running = SelfTest.objects.filter(pk=self_test.pk, state=SelfTestState.RUNNING)
    if not running.update(steps=self_test.steps, until=self_test.until, **found):
        raise NotFoundError("The self-test is over.")


@transaction.atomic
def remove_livestream(self_test: SelfTest) -> None:
    """Delete the throw-away livestream, if it is there; whoever publishes to it is cut."""
    if self_test.livestream_id is None:
        return
    livestream = Livestream.objects.existing().filter(pk=self_test.livestream_id).first()
    if livestream is not None:
        delete_livestream(livestream=livestream, actor=SYSTEM)


@transaction.atomic
def finish(self_test: SelfTest) -> None:
    """End it as its steps say; one that has been broken off stays so."""
    has_failed = any(step["state"] == StepState.FAILED for step in self_test.steps)
    state = SelfTestState.FAILED if has_failed else SelfTestState.PASSED
    running = SelfTest.objects.filter(pk=self_test.pk, state=SelfTestState.RUNNING)
    running.update(state=state, finished_at=clock.now())


@transaction.atomic
def end_abandoned() -> None:
    """Break off what nobody runs: its worker has died, or none has come; and remove its livestream.

    Called by a sweep, and by whoever starts one or reads how it goes: with the sweep's worker down, nobody else would.
    """
    gone = SelfTest.objects.select_for_update(skip_locked=True).filter(
        state=SelfTestState.RUNNING, until__lt=clock.now()
    )
    for self_test in gone:
        break_off(self_test)


@transaction.atomic
def break_off(self_test: SelfTest) -> None:
    """End one whose steps will not come to their end, and remove its livestream."""
    remove_livestream(self_test)
    steps = [
        {**step, "state": StepState.SKIPPED.value} if step["state"] == StepState.RUNNING else step
        for step in self_test.steps
    ]
    running = SelfTest.objects.filter(pk=self_test.pk, state=SelfTestState.RUNNING)
    running.update(state=SelfTestState.BROKEN_OFF, steps=steps, finished_at=clock.now())


def note_outbox(*, self_test_id: UUID, is_there: bool) -> None:
    """Write down whether the webhooks' program has found the broadcast's event in the outbox."""
    SelfTest.objects.filter(pk=self_test_id, state=SelfTestState.RUNNING).update(is_in_outbox=is_there)
